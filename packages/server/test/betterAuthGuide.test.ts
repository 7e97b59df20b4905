import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readCodeBlocks } from '../../../test/markdown.ts'

const apps = join(import.meta.dirname, 'frameworks/apps')
const sources = ['betterAuth.ts', 'betterAuthPage.ts'].map((file) => readFileSync(join(apps, file), 'utf8'))
/** Without indentation, because the guide shows parts of functions. */
const removeIndentation = (code: string) => code.replaceAll(/^ +/gm, '').trim()

const blocks = readCodeBlocks().filter(
  ({ file, language }) => file === 'docs/guides/better-auth.md' && language === 'ts',
)

test.each(blocks)('The code of the guide in line $line is what the tests run', ({ code }) => {
  const tested = [...sources, readFileSync(join(import.meta.dirname, 'betterAuthSessions.test.ts'), 'utf8')]
  expect(removeIndentation(tested.join('\n'))).toContain(removeIndentation(code))
})

test('The guide shows how to set up the server and the browser', () => {
  expect(blocks.length).toBeGreaterThan(1)
})
