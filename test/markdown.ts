import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './root.ts'

/** A fenced block of code in one of the project's pages. */
export interface CodeBlock {
  readonly file: string
  readonly line: number
  readonly language: string
  /** Written behind the language: the block is an outline, or what it shows is tested elsewhere. */
  readonly isNotRun: boolean
  readonly code: string
}

const readPage = (file: string) => readFileSync(join(root, file), 'utf8')

/** The paths of the project's pages, from its root. */
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')

/** Every block of code in every page of the project. */
export function readCodeBlocks(): CodeBlock[] {
  return pages.flatMap((file) => {
    const text = readPage(file)
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

/** Links of the pages to something in the project that is not there, as `PAGE: TARGET`. */
export function findBrokenLinks(): string[] {
  return pages.flatMap((file) => {
    // Inline, and as a definition at the end of the page.
    const links = readPage(file).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$/gm)
    const targets = [...links].map(([, inline, defined = '']) => inline ?? defined)
    return targets
      .filter((target) => !/^https?:/.test(target) && isBroken(file, target))
      .map((target) => `${file}: ${target}`)
  })
}

function isBroken(from: string, target: string): boolean {
  const [path = '', heading] = target.split('#')
  const file = path === '' ? from : join(dirname(from), path)
  if (!existsSync(join(root, file))) return true
  return heading !== undefined && !headingsOf(file).includes(heading)
}

/** The headings as GitHub names them in addresses. */
function headingsOf(file: string): string[] {
  return [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}
