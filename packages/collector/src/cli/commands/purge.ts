import { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { computeRetentionCutoffs } from '../../jobs/retention.ts'
import type { RetentionCutoff } from '../../store/audit/purge.ts'
import type { Store } from '../../store/openStore.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { findSite } from '../options/findSite.ts'
import { createProgressBar } from '../output/createProgressBar.ts'
import { withStore } from '../withStore.ts'

interface PurgeOptions extends ConfigOption {
  readonly site?: string
  readonly dryRun?: true
  readonly force?: true
}

/** `lapse purge` deletes the rows that are older than their site's retention. */
export const purge = new Command('purge')
  .summary('delete rows that are older than their retention')
  .description(
    "Delete the rows that the collector received more than their site's retentionDays ago. Sites without retentionDays are left alone. Rows are deleted in small chunks, so that others can write in between. SIGINT or SIGTERM ends the command after the current chunk; run it again to continue.",
  )
  .addOption(configOption)
  .option('--site <site>', 'delete only rows of this site (default: all sites)')
  .option('--dry-run', 'count the rows and delete nothing')
  .option('--force', "delete even if this machine's clock seems to be ahead")
  .action(async ({ config: path, site, dryRun, force }: PurgeOptions) => {
    const config = loadStoreConfig(path)
    const now = new Date()
    const cutoffs = computeRetentionCutoffs(now, selectSites(config, site))
    if (cutoffs.length === 0) throw new Error(describeNoRetention(site))
    await withStore(config, async (store) => {
      if (!force) await store.retention.assertClockIsPlausible(now)
      const counts: ExpiredCount[] = []
      for (const expired of cutoffs)
        counts.push({ expired, rows: await store.retention.countExpired(expired) })
      if (dryRun) for (const { expired, rows } of counts) printCount(`${rows} rows would be deleted`, expired)
      else await deleteRows(store, counts)
    })
  })
addExamples(purge, [
  { line: 'lapse purge --dry-run', description: 'Count the rows that would be deleted.' },
  { line: 'lapse purge --site acme', description: 'Delete the old rows of one site.' },
])

interface ExpiredCount {
  readonly expired: RetentionCutoff
  readonly rows: number
}

function selectSites(config: Config, site: string | undefined): Config['sites'] {
  return site === undefined ? config.sites : { [site]: findSite(config, site) }
}

function describeNoRetention(site: string | undefined): string {
  const subject = site === undefined ? 'No site has' : `Site "${site}" has no`
  return `${subject} retentionDays, so rows are kept indefinitely. Add it to the configuration to delete old rows.`
}

async function deleteRows(store: Store, counts: readonly ExpiredCount[]): Promise<void> {
  const interruption = new AbortController()
  const interrupt = () => interruption.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  const bar = createProgressBar('{value} of {total} rows | {duration_formatted}, {eta_formatted} left')
  const total = counts.reduce((sum, { rows }) => sum + rows, 0)
  const deleted = new Map(counts.map(({ expired }) => [expired.site, 0]))
  bar.start(total, 0)
  try {
    await store.retention.purge(
      counts.map(({ expired }) => expired),
      {
        signal: interruption.signal,
        onChunk(site, rows) {
          deleted.set(site, (deleted.get(site) ?? 0) + rows)
          bar.increment(rows)
        },
      },
    )
  } finally {
    bar.stop()
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
    for (const { expired } of counts) printCount(`${deleted.get(expired.site)} rows deleted`, expired)
  }
  if (interruption.signal.aborted)
    throw new Error('Stopped by a signal. Run the command again to delete the remaining rows.')
}

function printCount(result: string, { site, before }: RetentionCutoff): void {
  process.stdout.write(`${site}: ${result} (received before ${before.toISOString()}).\n`)
}
