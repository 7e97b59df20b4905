import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { findSite } from '../../reading/exportName.ts'
import type { SessionEndSelection } from '../../reading/filter.ts'
import { formatNames } from '../../reading/formats/formats.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { describeFilter } from '../../reading/search/describeFilter.ts'
import { formatSessionEnds, type ListFormat } from '../output/formatSessionEnds.ts'
import { writePrivateFile } from '../output/writePrivateFile.ts'

interface Export {
  readonly pages: AsyncIterable<readonly ListedSessionEnd[]>
  readonly format: ListFormat
  readonly selection: SessionEndSelection
  readonly timeZone: string
  readonly signal: AbortSignal
}

/** Chooses the format of a file by its name, unless the command line states one. */
export function chooseFileFormat(file: string, format: ListFormat, command: Command): ListFormat {
  if (command.getOptionValueSource('format') !== 'default') return format
  const extension = /\.(\w+)$/.exec(file)?.[1]
  const found = (['json', ...formatNames] as const).find((name) => name === extension)
  return found ?? command.error('error: the file name has no known extension; choose a format with --format')
}

/**
 * Writes rows to a file, and then what they are to another one, whose name has `.json` at the end. Only the owner can
 * read the files, because rows are personal data. Without the second file, the first one is incomplete.
 */
export async function writeExport(file: string, { pages, format, selection, timeZone, signal }: Export) {
  let rows = 0
  async function* countRows() {
    for await (const page of pages) {
      rows += page.length
      yield page
    }
  }
  const generatedAt = new Date()
  // The mode of a file that exists would stay.
  writePrivateFile(file, '', { replace: true })
  await pipeline(
    Readable.from(formatSessionEnds(countRows(), format, { showsCorrected: selection.revisions === 'all' })),
    createWriteStream(file, { flags: 'a' }),
    { signal },
  )
  const { from, to, revisions, selftests } = selection
  const description = {
    site: findSite(selection) ?? 'all',
    from: from ?? null,
    to: to ?? null,
    timeZone,
    filters: describeFilter(selection),
    revisions,
    selftests,
    format,
    generatedAt,
    rows,
  }
  writePrivateFile(`${file}.json`, `${JSON.stringify(description, null, 2)}\n`, { replace: true })
}
