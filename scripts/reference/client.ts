import { type Declaration, readDeclarations, readExportedNames } from './declarations.ts'
import {
  formatDeclaration,
  formatDefault,
  formatDoc,
  formatMembers,
  formatType,
  splitAttribute,
} from './formatDeclarations.ts'
import { formatCode, formatLink, formatTable, getFirstSentence, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

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

function formatAttributeTable(declarations: readonly Declaration[]): string {
  const rows = declarations
    .flatMap(({ members = [] }) => members)
    .flatMap(({ doc: memberDoc }) => {
      const { attribute, doc } = splitAttribute(memberDoc)
      return attribute === undefined ? [] : [[attribute, getFirstSentence(doc.description)]]
    })
  return formatTable(['Attribute', 'Description'], rows)
}
