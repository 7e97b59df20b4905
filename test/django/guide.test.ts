import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCodeBlocks } from '../markdown.ts'
import { root } from '../root.ts'
import { packageFolder } from './python.ts'

const guide = 'docs/guides/django.md'
const readFiles = (pattern: string) =>
  globSync(pattern, { cwd: root }).map((file) => readFileSync(join(root, file), 'utf8'))

/** The files of the example, which its own tests run. */
const exampleFiles = readFiles('examples/django/{acme,person}/**/*.{py,html}')

const snippets = readCodeBlocks().filter(
  ({ file, language }) =>
    [guide, 'packages/django/README.md'].includes(file) &&
    ['python', 'html+django', 'html'].includes(language),
)

test.each(snippets.map((snippet) => [`${snippet.file}:${snippet.line}`, snippet.code.trim()]))(
  'The code of %s is that of the example',
  (_, code) => {
    const found = exampleFiles.filter((text) => withoutMarkup(text).includes(withoutMarkup(code)))
    expect(found).toHaveLength(1)
  },
)

/** The example's templates load another library too, and its elements have classes. */
function withoutMarkup(text: string): string {
  return text.replaceAll(/\{% load [^%]*%\}| class="message" role="status"/g, '')
}

test('The guide lists the checks of the package, with what they say', () => {
  const sources = readFiles('packages/django/lapse_django/checks/*.py').join('')
  const ids = [...sources.matchAll(/id="(lapse\.[EW]\d+)"/g)].map(([, id]) => id)
  const listed = [...readFileSync(join(root, guide), 'utf8').matchAll(/^\| `(lapse\.[EW]\d+)`/gm)].map(
    ([, id]) => id,
  )
  expect(listed).toEqual([...ids].sort())
})

test('The guide lists the settings that the package reads', () => {
  const source = readFileSync(join(packageFolder, 'lapse_django/conf.py'), 'utf8')
  const read = new Set(source.match(/LAPSE_[A-Z_]+/g))
  const table = readFileSync(join(root, guide), 'utf8').split('## Settings')[1]?.split('\n## ')[0] ?? ''
  const rows = table.split('\n').flatMap((row) => row.split('|')[1]?.match(/LAPSE_[A-Z_]+/g) ?? [])
  expect(rows.sort()).toEqual([...read].sort())
})
