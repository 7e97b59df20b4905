import { type Declaration, type Member, readDeclarations, readExportedNames } from './declarations.ts'
import {
  formatCode,
  formatCodeBlock,
  formatLink,
  formatTable,
  getFirstSentence,
  joinParts,
} from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'
import type { Doc } from './tsdoc.ts'

const sources = new URL('../../packages/client/src/', import.meta.url)

/** The reference of the client, from the comments of its exported types. */
export function createClientPage(): Page {
  const declarations = readDeclarations(sources)
  const find = (name: string) => {
    const declaration = declarations.get(name)
    if (declaration) return declaration
    throw new Error(`The client exports no declaration ${name}.`)
  }
  const tag = declarations.get('TagOptions')
  const featured = ['createLapse', 'LapseOptions', 'CookieOptions', 'Lapse', 'TagOptions']
  const otherNames = readExportedNames(new URL('index.ts', sources)).filter(
    (name) => !featured.includes(name),
  )
  const optionSources = ['LapseOptions', 'CookieOptions', 'Identity'].map(find)
  return {
    file: 'client.md',
    title: 'Client',
    summary: 'The options, methods, script-tag attributes and types of `@lapse/client`.',
    body: joinParts(
      'This page describes the exports of the package `@lapse/client` and the attributes of the script tag `lapse.js`, which has the same options.',
      formatDeclaration(find('createLapse')),
      '## Options',
      find('LapseOptions').doc.description,
      formatOptionTable(find('LapseOptions'), find('CookieOptions')),
      ...formatMembers('LapseOptions', find('LapseOptions')),
      ...formatMembers('CookieOptions', find('CookieOptions'), 'cookie.'),
      '## Methods',
      find('Lapse').doc.description,
      ...formatMembers('Lapse', find('Lapse')),
      tag && '## Script tag',
      tag && formatDoc(tag.doc, 'TagOptions'),
      tag && formatAttributeTable([...optionSources, tag]),
      ...(tag ? formatMembers('TagOptions', tag) : []),
      '## Types',
      ...otherNames.map((name) => formatType(find(name))),
    ),
  }
}

function formatDeclaration({ name, text, doc }: Declaration): string {
  return joinParts(`## ${formatCode(name)}`, formatCodeBlock('ts not-run', text), formatDoc(doc, name))
}

function formatDoc({ description, tags }: Doc, place: string): string {
  return joinParts(
    markCodeAsNotRun(requireDescription(description, place)),
    ...(tags.returns ?? []).map((text) => `Returns ${text}`),
    ...(tags.throws ?? []).map((text) => `Throws ${text}`),
    ...(tags.example ?? []).map((text) => `Example:\n\n${markCodeAsNotRun(text)}`),
  )
}

/** The examples use variables of the page around them, so the tests of the documentation cannot run them. */
function markCodeAsNotRun(text: string): string {
  return text.replaceAll(/^```(ts|js|html)$/gm, '```$1 not-run')
}

function formatOptionTable(options: Declaration, cookie: Declaration): string {
  const rows = [
    ...(options.members ?? []).map((member) => ({ name: member.name, member })),
    ...(cookie.members ?? []).map((member) => ({ name: `cookie.${member.name}`, member })),
  ]
  return formatTable(
    ['Option', 'Default', 'Description'],
    rows.map(({ name, member }) => [
      formatLink(name, formatCode(name)),
      formatDefault(member),
      getFirstSentence(requireDescription(member.doc.description, `option ${name}`)),
    ]),
  )
}

function formatMembers(owner: string, { members = [] }: Declaration, prefix = ''): string[] {
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

function formatDefault({ isOptional, doc: { tags } }: Member): string {
  const [text] = tags.default ?? []
  if (text === undefined) return isOptional ? 'none' : 'required'
  // A default that is not a value is described in words.
  return /^\w.*\s/.test(text) ? text : formatCode(text.replaceAll('`', ''))
}

/** The documentation of an option ends with a line about its attribute. */
function splitAttribute(doc: Doc): { readonly doc: Doc; readonly attribute?: string } {
  const match = /^Attributes?: (.*)$/m.exec(doc.description)
  if (!match) return { doc }
  const description = doc.description
    .replace(match[0], '')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim()
  return { doc: { ...doc, description }, attribute: match[1] ?? '' }
}

function formatAttributeTable(declarations: readonly Declaration[]): string {
  const rows = declarations
    .flatMap(({ members = [] }) => members)
    .flatMap(({ doc: memberDoc }) => {
      const { attribute, doc } = splitAttribute(memberDoc)
      return attribute === undefined ? [] : [[attribute, getFirstSentence(doc.description)]]
    })
  return formatTable(['Attribute', 'Description'], rows)
}

function formatType(declaration: Declaration): string {
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
