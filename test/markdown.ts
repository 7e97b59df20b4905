import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './root.ts'

/** A fenced code block on one of the project's pages. */
export interface CodeBlock {
  readonly file: string
  readonly line: number
  readonly language: string
  /** Whether `not-run` follows the language: the block is an outline, or is tested elsewhere. */
  readonly isNotRun: boolean
  readonly code: string
}

const readPage = (file: string) => readFileSync(join(root, file), 'utf8')

/** The paths of the project's pages, relative to its root. */
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n')

/** Reads all code blocks on all pages of the project. */
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

/** Finds links to missing files or headings in the project, as `PAGE: TARGET`. */
export function findBrokenLinks(): string[] {
  return pages.flatMap((file) => {
    // Inline links, and link definitions at the end of the page.
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
  return heading !== undefined && !readAnchors(file).includes(heading)
}

/** Reads the anchors that GitHub gives to a page's headings. */
function readAnchors(file: string): string[] {
  return [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  )
}
