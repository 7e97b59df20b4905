import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ESTree, parseSync, Visitor } from 'vite'
import { root } from './root.ts'

/** An item of a list in a page. */
interface Item {
  readonly section: string
  /** It says what Lapse does not prevent, which needs no test. */
  readonly isRemainder: boolean
  readonly text: string
}

/** The items of a page's lists, with the section (a heading of the second level) that each is in. */
export function readItems(page: string): Item[] {
  const items: Item[] = []
  let section = ''
  let subsection = ''
  for (const line of page.split('\n')) {
    const [, level, heading = ''] = /^(##|###) (.*)$/.exec(line) ?? []
    if (level === '##') {
      section = heading
      subsection = ''
    } else if (level === '###') {
      subsection = heading
    } else if (line.startsWith('- ')) {
      items.push({ section, isRemainder: subsection === 'What remains', text: line.slice(2) })
    } else if (line.startsWith('  ')) {
      const item = items.pop()
      if (item) items.push({ ...item, text: `${item.text} ${line.trim()}` })
    }
  }
  return items
}

/** `[file], "the test's name"`, before a semicolon or the full stop of the sentence. */
const reference = /\[([\w./]+)\], "(.+?)"(?=[;.](?:\s|$))/g

/** The claims of a page that no test proves, each with the reason. The page defines its links to test files. */
export function findUnprovenClaims(file: string, page: string): string[] {
  const definitions = [...page.matchAll(/^\[([\w./]+)\]: (\S+\.test\.ts)$/gm)]
  const targets = new Map(definitions.map(([, label, target]) => [label, target]))
  return readItems(page).flatMap(({ isRemainder, text }) => {
    if (isRemainder) return []
    const references = [...text.matchAll(reference)]
    const links = [...text.matchAll(/\[([\w./]+)\](?!\()/g)]
    if (references.length === 0 || references.length < links.length) return [`names no test: ${text}`]
    return references.flatMap(([, label = '', name = '']) => {
      const target = targets.get(label)
      if (target === undefined) return [`names a file that the page does not define, ${label}: ${text}`]
      const path = join(root, dirname(file), target)
      if (!existsSync(path)) return [`names a file that does not exist, ${target}: ${text}`]
      return readTestNames(path).has(name) ? [] : [`names a test that ${target} does not have: ${name}`]
    })
  })
}

/** The names of the tests in a file as they are written there, without those that are skipped. */
function readTestNames(path: string): Set<string> {
  const source = readFileSync(path, 'utf8')
  const names = new Set<string>()
  const visitor = new Visitor({
    CallExpression({ callee, arguments: [title] }) {
      const words = wordsOf(callee)
      if (words[0] !== 'test' || words.includes('skip') || words.includes('todo')) return
      if (title?.type === 'Literal' && typeof title.value === 'string') names.add(title.value)
      if (title?.type === 'TemplateLiteral') names.add(source.slice(title.start + 1, title.end - 1))
    },
  })
  visitor.visit(parseSync(path, source).program)
  return names
}

/** What is called, such as `test`, `runIf` and `each` of `test.runIf(isMariadb).each(modes)`. */
function wordsOf(callee: ESTree.Expression): string[] {
  if (callee.type === 'Identifier') return [callee.name]
  if (callee.type === 'CallExpression') return wordsOf(callee.callee)
  if (callee.type !== 'MemberExpression') return []
  const { object, property } = callee
  return [...wordsOf(object), ...(property.type === 'Identifier' ? [property.name] : [])]
}
