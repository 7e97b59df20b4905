import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readCodeBlocks } from '../../../test/markdown.ts'

/** Checks that the code in a guide is the code of the applications that the tests run. */
export function testGuide(name: string, apps: readonly string[] = [name]): void {
  const file = `docs/guides/${name}.md`
  const blocks = readCodeBlocks().filter((block) => block.file === file && block.language === 'ts')
  const code = apps.map((app) =>
    trimLines(readFileSync(new URL(`frameworks/apps/${app}.ts`, import.meta.url), 'utf8')),
  )
  test(`The code in ${file} is the code that the tests run`, () => {
    expect(blocks).not.toEqual([])
    const others = blocks.filter((block) => !code.some((app) => app.includes(trimLines(block.code))))
    expect(others.map((block) => block.code)).toEqual([])
  })
}

/** The indentation differs. */
function trimLines(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trim())
    .join('\n')
}
