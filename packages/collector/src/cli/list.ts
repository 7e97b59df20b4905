import { Command, InvalidArgumentError, Option } from 'commander'
import { loadConfig } from '../config.ts'
import type { LapseRow } from '../lapse/row.ts'
import { type Reason, reasons } from '../lapse/verdict.ts'
import { openStore } from '../store/store.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { printTable } from './printTable.ts'

interface ListOptions extends ConfigOption {
  readonly site?: string
  readonly subject?: string
  readonly reason?: Reason
  readonly limit: number
}

/** `lapse list` prints the newest rows of the audit table. */
export const list = new Command('list')
  .description('Print the newest rows of the audit table, newest first. Times are UTC.')
  .addOption(configOption)
  .option('--site <site>', 'only this site')
  .option('--subject <id>', 'only this subject')
  .addOption(new Option('--reason <reason>', 'only this reason').choices(reasons))
  .option('--limit <rows>', 'at most so many rows, 1 to 1000', rowCount, 50)
  .action(async ({ config: path, limit, ...filter }: ListOptions) => {
    const config = loadConfig(path)
    const store = openStore(config.database, config.table)
    try {
      const rows = await store.page(filter, { limit })
      if (rows.length === 0) process.stdout.write('No lapses recorded.\n')
      else printTable(headings, rows)
    } finally {
      await store.close()
    }
  })

function rowCount(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count >= 1 && count <= 1000) return count
  throw new InvalidArgumentError('Write a whole number from 1 to 1000.')
}

const headings: Readonly<Record<string, (row: LapseRow) => string | number | Date | null>> = {
  id: (row) => row.id,
  site: (row) => row.site,
  subject: (row) => row.subject,
  session: (row) => row.session,
  reason: (row) => row.reason,
  evidence: (row) => row.evidence,
  last_access_at: (row) => row.lastAccessAt,
  expired_at: (row) => row.expiredAt,
  detected_at: (row) => row.detectedAt,
}
