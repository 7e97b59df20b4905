import { existsSync, readFileSync } from 'node:fs'
import { type Declaration, readDeclarations, readDeclaredNames, readExportedNames } from './declarations.ts'
import {
  formatDeclaration,
  formatDefault,
  formatDoc,
  formatMembers,
  formatType,
} from './formatDeclarations.ts'
import { formatCode, formatLink, formatTable, getFirstSentence, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

const folder = new URL('../../packages/server/', import.meta.url)
const sources = new URL('src/', folder)

/** The reference of the server package, from the comments of its exported types. */
export function createServerPage(): Page {
  const find = createFinder(readDeclarations(sources))
  const featured = [
    'createLapseServer',
    'LapseServerOptions',
    'LapseServer',
    'LapseServerEvents',
    'LapseServerErrorCode',
  ]
  const otherNames = readExportedNames(new URL('index.ts', sources)).filter(
    (name) => !featured.includes(name),
  )
  return {
    file: 'server.md',
    title: 'Server package',
    summary:
      'The options, methods, events and errors of `@lapse/server`, and of its integrations with frameworks.',
    body: joinParts(
      'This page describes the exports of the package `@lapse/server`. The [guides](../guides/frameworks.md) show how to use it with each framework.',
      formatDeclaration(find('createLapseServer')),
      '## Options',
      find('LapseServerOptions').doc.description,
      formatOptionTable(find('LapseServerOptions')),
      ...formatMembers('LapseServerOptions', find('LapseServerOptions')),
      '## Methods',
      find('LapseServer').doc.description,
      ...formatMembers('LapseServer', find('LapseServer')),
      '## Events',
      ...formatMembers('LapseServerEvents', find('LapseServerEvents')),
      '## Errors',
      formatDoc(find('LapseServerErrorCode').doc, 'LapseServerErrorCode'),
      '## Types',
      ...otherNames.map((name) => formatType(find(name))),
      ...listSubpaths().map(formatSubpath),
    ),
  }
}

/** Lists the integrations, with their source files. */
function listSubpaths(): { readonly name: string; readonly file: URL }[] {
  const { exports } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as {
    exports: Readonly<Record<string, { readonly default: string } | string>>
  }
  return Object.entries(exports).flatMap(([path, target]) => {
    if (path === '.' || typeof target === 'string') return []
    const file = new URL(target.default.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts'), folder)
    return existsSync(file) ? [{ name: path.slice(2), file }] : []
  })
}

function formatSubpath({ name, file }: { readonly name: string; readonly file: URL }): string {
  const find = createFinder(readDeclarations(new URL('./', file)))
  const all = [...readDeclaredNames(file), ...readExportedNames(file)].map(find)
  // Functions first: they are what an application imports.
  const functions = all.filter(({ members, text }) => !members && /^(async )?function/.test(text))
  const others = all.filter((declaration) => !functions.includes(declaration))
  return joinParts(
    `## ${formatCode(`@lapse/server/${name}`)}`,
    ...functions.map((declaration) => formatDeclaration(declaration, 3)),
    ...others.map(formatType),
  )
}

function createFinder(declarations: ReadonlyMap<string, Declaration>): (name: string) => Declaration {
  return (name) => {
    const declaration = declarations.get(name)
    if (declaration) return declaration
    throw new Error(`The server package exports no declaration ${name}.`)
  }
}

function formatOptionTable({ members = [] }: Declaration): string {
  return formatTable(
    ['Option', 'Default', 'Description'],
    members.map((member) => [
      formatLink(member.name, formatCode(member.name)),
      formatDefault(member),
      getFirstSentence(requireDescription(member.doc.description, `option ${member.name}`)),
    ]),
  )
}
