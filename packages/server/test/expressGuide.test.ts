import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readCodeBlocks } from '../../../test/markdown.ts'

const guide = 'docs/guides/express.md'
/** The application of express.test.ts, and the applications of smaller tests. */
const sources = ['frameworks/apps/express.ts', 'expressEnds.test.ts', 'expressMiddleware.test.ts'].map(
  (file) => removeIndentation(readFileSync(new URL(file, import.meta.url), 'utf8')),
)

/** The blocks that are parts of an application. docs.test.ts compiles the others. */
const blocks = readCodeBlocks().filter(
  ({ file, language, isNotRun }) => file === guide && language === 'ts' && isNotRun,
)

/** Routes are indented in the applications, but not in the guide. */
function removeIndentation(code: string): string {
  return code.replaceAll(/^ +/gm, '').trim()
}

test('The guide for Express shows how to create, use and close Lapse', () => {
  const code = blocks.map((block) => block.code).join('\n')
  for (const call of ['createLapseServer(', 'lapseExpress(lapse)', '.signIn(', '.end(', 'lapse.close()'])
    expect(code).toContain(call)
})

test.each(blocks)('The code in line $line of the guide is what the tests run', ({ code }) => {
  const isTested = sources.some((source) => source.includes(removeIndentation(code)))
  expect(isTested, code).toBe(true)
})
