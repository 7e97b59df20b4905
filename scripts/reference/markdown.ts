import { format } from 'prettier'

/** Formats a table. Cells are Markdown. */
export function formatTable(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [headings, headings.map(() => '---'), ...rows]
  return lines.map((cells) => `| ${cells.map(escapeCell).join(' | ')} |`).join('\n')
}

function escapeCell(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
}

export function formatCode(text: string): string {
  return `\`${text}\``
}

export function formatCodeBlock(language: string, code: string): string {
  return `\`\`\`${language}\n${code.trim()}\n\`\`\``
}

/** Formats a value as JSON. Like Prettier, it keeps arrays without objects on one line. */
export function formatJson(value: unknown): string {
  const json = JSON.stringify(value, undefined, 2)
  const compact = json.replaceAll(/\[\s+([^[\]{}]*?)\s+\]/g, (_, elements: string) => {
    return `[${elements.replaceAll(/,\s+/g, ', ')}]`
  })
  return formatCodeBlock('json', compact)
}

/** Formats a list of values as `a`, `b` or `c`. */
export function formatAlternatives(values: readonly string[]): string {
  const last = values.at(-1) ?? ''
  const others = values.slice(0, -1)
  return others.length > 0 ? `${others.join(', ')} or ${last}` : last
}

/** Formats a link to a heading of the same page. GitHub derives the anchor from the heading's text. */
export function formatLink(heading: string, text = heading): string {
  return `[${text}](#${toAnchor(heading)})`
}

export function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}

/** @returns the first sentence of a Markdown text. */
export function getFirstSentence(text: string): string {
  const [paragraph = ''] = text.split('\n\n')
  return /^.*?[.:](?=\s|$)/s.exec(paragraph)?.[0].replace(/:$/, '.') ?? paragraph
}

/** Joins the parts of a page. Undefined parts are omitted. */
export function joinParts(...parts: readonly (string | undefined | false)[]): string {
  return parts.filter(Boolean).join('\n\n')
}

/** Formats a page as Prettier would leave it, after joining the lines of each paragraph. */
export async function formatMarkdown(text: string): Promise<string> {
  const options = { parser: 'markdown', embeddedLanguageFormatting: 'off' } as const
  return format(await format(text, { ...options, proseWrap: 'never' }), options)
}
