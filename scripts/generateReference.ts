// This import comes first, because it freezes the clock for all other modules.
import './reference/freezeClock.ts'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createClientPage } from './reference/client.ts'
import { createCommandLinePage } from './reference/commandLine.ts'
import { createConfigurationPage } from './reference/configuration.ts'
import { createErrorsPage } from './reference/errors.ts'
import { createHttpApiPage } from './reference/httpApi.ts'
import { formatMarkdown } from './reference/markdown.ts'
import { createMetricsPage } from './reference/metrics.ts'
import { missingDescriptions } from './reference/missingDescriptions.ts'
import type { Page } from './reference/page.ts'
import { createServerPage } from './reference/server.ts'
import { createSessionEndPage } from './reference/sessionEnd.ts'

// `node scripts/generateReference.ts` writes docs/reference. With `--check` it writes nothing and fails if a file there
// is not what it would write.

const folder = new URL('../docs/reference/', import.meta.url)
const notice = '<!-- Generated from the code by "pnpm generate:reference". Do not edit. -->'

const pages = [
  createConfigurationPage(),
  createCommandLinePage(),
  createHttpApiPage(),
  createErrorsPage(),
  createMetricsPage(),
  createSessionEndPage(),
  createClientPage(),
  createServerPage(),
]

const files = new Map<string, string>()
for (const page of [createIndexPage(pages), ...pages])
  files.set(page.file, await formatMarkdown(`${notice}\n\n# ${page.title}\n\n${page.body}\n`))

for (const place of missingDescriptions) process.stderr.write(`No description: ${place}\n`)
if (missingDescriptions.length > 0) process.exitCode = 1

if (process.argv.includes('--check')) checkFiles()
else writeFiles()

function createIndexPage(pages: readonly Page[]): Page {
  return {
    file: 'README.md',
    title: 'Reference',
    summary: '',
    body: `These pages are generated from the code, so they match the version that they are part of.\n\n${pages
      .map(({ file, title, summary }) => `- [${title}](${file}): ${summary}`)
      .join('\n')}`,
  }
}

function checkFiles(): void {
  const stale = [...new Set([...files.keys(), ...listExistingFiles()])].filter(
    (file) => readExistingFile(file) !== files.get(file),
  )
  if (stale.length === 0) return
  const names = stale.map((file) => `docs/reference/${file}`).join(', ')
  process.stderr.write(`The reference is stale: ${names}. Run: pnpm generate:reference\n`)
  process.exitCode = 1
}

function writeFiles(): void {
  mkdirSync(folder, { recursive: true })
  for (const file of listExistingFiles()) if (!files.has(file)) rmSync(new URL(file, folder))
  for (const [file, text] of files) writeFileSync(new URL(file, folder), text)
}

function listExistingFiles(): string[] {
  mkdirSync(folder, { recursive: true })
  return readdirSync(folder)
}

function readExistingFile(file: string): string | undefined {
  return listExistingFiles().includes(file)
    ? readFileSync(fileURLToPath(new URL(file, folder)), 'utf8')
    : undefined
}
