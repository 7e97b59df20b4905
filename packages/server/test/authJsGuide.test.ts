import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readCodeBlocks } from '../../../test/markdown.ts'

const read = (file: string) => readFileSync(new URL(`frameworks/apps/${file}`, import.meta.url), 'utf8')
const blocks = readCodeBlocks()
  .filter(({ file }) => file === 'docs/guides/authjs.md')
  .map(({ code }) => code)

test.each(['const auth = withLapse(lapse, config, options)', 'export async function readSession'])(
  'The guide shows the code that the tests run: %s',
  (start) => {
    const block = blocks.find((code) => code.startsWith(start))
    expect(block).toBeDefined()
    expect(read('authJs.ts') + read('authJs/readSession.ts')).toContain(block)
  },
)

test('The guide needs at most ten lines of code', () => {
  const [block = ''] = blocks.filter((code) => code.includes('app.use(watchRequest)'))
  const lines = block.split('\n').filter((line) => line.trim() !== '')
  expect(lines.length).toBeLessThanOrEqual(10)
})
