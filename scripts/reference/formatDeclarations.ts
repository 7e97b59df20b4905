import type { Declaration, Member } from './declarations.ts'
import { formatCode, formatCodeBlock, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Doc } from './tsdoc.ts'

/** Formats a function: its signature and its comment. */
export function formatDeclaration({ name, text, doc }: Declaration, level = 2): string {
  return joinParts(
    `${'#'.repeat(level)} ${formatCode(name)}`,
    formatCodeBlock('ts not-run', text),
    formatDoc(doc, name),
  )
}

/** Formats a comment, with its tags. */
export function formatDoc({ description, tags }: Doc, place: string): string {
  return joinParts(
    markCodeAsNotRun(requireDescription(description, place)),
    ...(tags.returns ?? []).map((text) => `Returns ${text}`),
    ...(tags.throws ?? []).map((text) => `Throws ${text.replace(/^\{(\w+)\} ?/, '`$1`: ')}`),
    ...(tags.example ?? []).map((text) => `Example:\n\n${markCodeAsNotRun(text)}`),
  )
}

/** The examples use variables of the page around them, so the tests of the documentation cannot run them. */
function markCodeAsNotRun(text: string): string {
  return text.replaceAll(/^```(ts|js|html)$/gm, '```$1 not-run')
}

/** Formats the members of an interface, each with a heading. */
export function formatMembers(owner: string, { members = [] }: Declaration, prefix = ''): string[] {
  return members.map((member) => {
    const { attribute, doc } = splitAttribute(member.doc)
    const name = `${prefix}${member.name}`
    const facts = [
      `Type: ${formatCode(member.text)}`,
      `Default: ${formatDefault(member)}`,
      ...(attribute === undefined ? [] : [`Attribute: ${attribute}`]),
    ]
    return joinParts(
      `### ${formatCode(member.isMethod ? `${name}()` : name)}`,
      member.isMethod
        ? formatCodeBlock('ts not-run', member.text)
        : facts.map((fact) => `- ${fact}`).join('\n'),
      formatDoc(doc, `${owner}.${member.name}`),
    )
  })
}

/** Formats the default of an option. */
export function formatDefault({ isOptional, doc: { tags } }: Member): string {
  const [text] = tags.default ?? []
  if (text === undefined) return isOptional ? 'none' : 'required'
  // A default that is not a value is described in words.
  return /^\w.*\s/.test(text) ? text : formatCode(text.replaceAll('`', ''))
}

/** The documentation of an option ends with a line about its attribute. */
export function splitAttribute(doc: Doc): { readonly doc: Doc; readonly attribute?: string } {
  const match = /^Attributes?: (.*)$/m.exec(doc.description)
  if (!match) return { doc }
  const description = doc.description
    .replace(match[0], '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
  return { doc: { ...doc, description }, attribute: match[1] ?? '' }
}

/** Formats a type: its members as a table, or its source text. */
export function formatType(declaration: Declaration): string {
  const { name, text, doc, members } = declaration
  return joinParts(
    `### ${formatCode(name)}`,
    formatDoc(doc, name),
    members
      ? formatTable(
          ['Field', 'Type', 'Description'],
          members.map((member) => [
            formatCode(member.isOptional ? `${member.name}?` : member.name),
            formatCode(member.text),
            splitAttribute({
              ...member.doc,
              description: requireDescription(member.doc.description, `${name}.${member.name}`),
            }).doc.description,
          ]),
        )
      : formatCodeBlock('ts not-run', text),
  )
}
