import { readdirSync, readFileSync } from 'node:fs'
import { type ESTree, parseSync } from 'vite'
import { type Doc, parseDoc } from './tsdoc.ts'

/** A member of an interface. */
export interface Member {
  readonly name: string
  readonly isOptional: boolean
  readonly isMethod: boolean
  /** The type of a property, or the signature of a method. */
  readonly text: string
  readonly doc: Doc
}

/** An exported declaration. */
export interface Declaration {
  readonly name: string
  /** The source text, without the comment in front of it. */
  readonly text: string
  readonly doc: Doc
  /** The members of an interface. Undefined for other declarations. */
  readonly members: readonly Member[] | undefined
}

/** Reads all exported interfaces, type aliases, functions and classes of a folder, at any depth, by name. */
export function readDeclarations(folder: URL): ReadonlyMap<string, Declaration> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  const declarations = files.sort().flatMap((file) => readFile(readFileSync(new URL(file, folder), 'utf8')))
  return new Map(declarations.map((declaration) => [declaration.name, declaration]))
}

/** Lists the names that a module exports from other modules, in their order. */
export function readExportedNames(file: URL): string[] {
  const { program } = parseSync('index.ts', readFileSync(file, 'utf8'))
  return program.body.flatMap((statement) =>
    statement.type === 'ExportNamedDeclaration'
      ? statement.specifiers.flatMap(({ exported }) => ('name' in exported ? exported.name : []))
      : [],
  )
}

/** Lists the names of the declarations that a module itself exports, in their order. */
export function readDeclaredNames(file: URL): string[] {
  return readFile(readFileSync(file, 'utf8')).map(({ name }) => name)
}

function readFile(source: string): Declaration[] {
  const { program, comments } = parseSync('file.ts', source)
  const findDoc = (start: number) => {
    const comment = comments.findLast(({ end }) => end <= start)
    const isDirectlyBefore = comment && source.slice(comment.end, start).trim() === ''
    return parseDoc(isDirectlyBefore && comment.value.startsWith('*') ? comment.value.slice(1) : '')
  }
  const getText = ({ start, end }: { readonly start: number; readonly end: number }) =>
    source.slice(start, end)

  return program.body.flatMap((statement) => {
    if (statement.type !== 'ExportNamedDeclaration' || !statement.declaration) return []
    const { declaration } = statement
    if (!('id' in declaration) || declaration.id?.type !== 'Identifier') return []
    const members =
      declaration.type === 'TSInterfaceDeclaration'
        ? declaration.body.body.flatMap((member) => readMember(member, getText, findDoc))
        : undefined
    const text =
      declaration.type === 'FunctionDeclaration' && declaration.body
        ? source.slice(declaration.start, declaration.body.start)
        : getText(declaration)
    return { name: declaration.id.name, text: text.trim(), doc: findDoc(statement.start), members }
  })
}

function readMember(
  member: ESTree.TSSignature,
  getText: (node: { readonly start: number; readonly end: number }) => string,
  findDoc: (start: number) => Doc,
): Member[] {
  const isMethod = member.type === 'TSMethodSignature'
  if (!isMethod && member.type !== 'TSPropertySignature') return []
  const type = isMethod ? member : member.typeAnnotation?.typeAnnotation
  return [
    {
      name: getText(member.key),
      isOptional: member.optional,
      isMethod,
      text: type ? getText(type).replaceAll(/\s+/g, ' ') : 'unknown',
      doc: findDoc(member.start),
    },
  ]
}
