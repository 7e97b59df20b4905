/** A parsed documentation comment. All texts are Markdown. */
export interface Doc {
  readonly description: string
  /** The texts of its block tags, such as `default` and `returns`, in order. */
  readonly tags: Readonly<Record<string, readonly string[]>>
}

/** Parses the text between the comment markers of a documentation comment. */
export function parseDoc(comment: string): Doc {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd())
  const sections: { readonly tag: string; readonly lines: string[] }[] = [{ tag: 'description', lines: [] }]
  let isInCode = false
  for (const line of lines) {
    const [, tag, text = ''] = isInCode ? [] : (/^@(\w+)\s*(.*)$/.exec(line) ?? [])
    if (line.startsWith('```')) isInCode = !isInCode
    if (tag) sections.push({ tag, lines: [text] })
    else sections.at(-1)?.lines.push(line)
  }
  const tags: Record<string, string[]> = {}
  for (const { tag, lines } of sections) {
    tags[tag] ??= []
    tags[tag].push(resolveLinks(lines.join('\n').trim()))
  }
  return { description: tags.description?.[0] ?? '', tags }
}

function resolveLinks(text: string): string {
  return text.replaceAll(/\{@link (\w+)\}/g, '`$1`')
}
