import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type ESTree, parseSync, Visitor } from 'vite'
import { root } from './root.ts'

/** An item of a list on a page. */
interface Item {
  readonly section: string
  /** Whether the item says what Lapse does not prevent. Such items need no test. */
  readonly isRemainder: boolean
  readonly text: string
}

/** Reads the items of a page's lists. The section of an item is the second-level heading above it. */
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

/** Matches `[file], "name of the test"` before a semicolon or a full stop. */
const reference = /\[([\w./]+)\], "(.+?)"(?=[;.](?:\s|$))/g

/**
 * Finds the claims of a page that no test proves, each with the reason. The page must define its links to test files.
 */
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

/** Reads the names of the tests in a file, as written there. Skipped tests do not count. */
function readTestNames(path: string): Set<string> {
  const source = readFileSync(path, 'utf8')
  const names = new Set<string>()
  const visitor = new Visitor({
    CallExpression({ callee, arguments: [title] }) {
      const calleeNames = readNames(callee)
      if (calleeNames[0] !== 'test' || calleeNames.includes('skip') || calleeNames.includes('todo')) return
      if (title?.type === 'Literal' && typeof title.value === 'string') names.add(title.value)
      if (title?.type === 'TemplateLiteral') names.add(source.slice(title.start + 1, title.end - 1))
    },
  })
  visitor.visit(parseSync(path, source).program)
  return names
}

/** Reads the names in a callee: `test`, `runIf` and `each` for `test.runIf(isMariadb).each(modes)`. */
function readNames(callee: ESTree.Expression): string[] {
  if (callee.type === 'Identifier') return [callee.name]
  if (callee.type === 'CallExpression') return readNames(callee.callee)
  if (callee.type !== 'MemberExpression') return []
  const { object, property } = callee
  return [...readNames(object), ...(property.type === 'Identifier' ? [property.name] : [])]
}
