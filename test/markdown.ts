import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** A fenced block of code in one of the project's pages. */
export interface CodeBlock {
  readonly file: string
  readonly line: number
  readonly language: string
  /** Written behind the language: the block is an outline, or what it shows is tested elsewhere. */
  readonly isNotRun: boolean
  readonly code: string
}

/** Every block of code in every page of the project. */
export function readCodeBlocks(): CodeBlock[] {
  const files = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
  return files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    return [...text.matchAll(/^```(\S*)([^\n]*)\n([\s\S]*?)^```$/gm)].map(
      ({ 1: language = '', 2: mark = '', 3: code = '', index }) => ({
        file,
        line: text.slice(0, index).split('\n').length,
        language,
        isNotRun: mark.trim() === 'not-run',
        code,
      }),
    )
  })
}
