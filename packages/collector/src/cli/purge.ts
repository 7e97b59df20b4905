import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { type Config, loadStoreConfig } from '../config/config.ts'
import { computeRetentionCutoffs } from '../jobs/retention.ts'
import type { RetentionCutoff } from '../store/audit/purge.ts'
import type { Store } from '../store/openStore.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { siteNamed } from './siteNamed.ts'
import { withStore } from './withStore.ts'

interface PurgeOptions extends ConfigOption {
  readonly site?: string
  readonly dryRun: boolean
  readonly force: boolean
}

/** `lapse purge` deletes the rows whose retention is over. */
export const purge = new Command('purge')
  .description(
    "Delete the rows that were received more than their site's retentionDays ago, in small chunks while others write.",
  )
  .addOption(configOption)
  .option('--site <site>', 'only this site')
  .option('--dry-run', 'count them, and delete nothing', false)
  .option('--force', "even if this machine's clock seems to be ahead", false)
  .action(async ({ config: path, site, dryRun, force }: PurgeOptions) => {
    const config = loadStoreConfig(path)
    const now = new Date()
    const all = computeRetentionCutoffs(now, chosenSites(config, site))
    if (all.length === 0) throw new Error(nothingExpires(site))
    await withStore(config, async (store) => {
      if (!force) await store.retention.assertClockIsPlausible(now)
      const counted: Counted[] = []
      for (const expired of all) counted.push({ expired, rows: await store.retention.countExpired(expired) })
      if (dryRun) for (const { expired, rows } of counted) say(expired, `${rows} rows would be deleted`)
      else await deleteAll(store, counted)
    })
  })

interface Counted {
  readonly expired: RetentionCutoff
  readonly rows: number
}

function chosenSites(config: Config, site: string | undefined): Config['sites'] {
  return site === undefined ? config.sites : { [site]: siteNamed(config, site) }
}

function nothingExpires(site: string | undefined): string {
  const who = site === undefined ? 'No site' : `The site "${site}"`
  const has = site === undefined ? 'has' : 'has no'
  return `${who} ${has} retentionDays: rows are kept indefinitely. Add it to the configuration to delete old ones.`
}

async function deleteAll(store: Store, counted: readonly Counted[]): Promise<void> {
  const stopping = new AbortController()
  const stop = () => stopping.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  const bar = new SingleBar({
    format: '{bar} {percentage} % | {value} of {total} rows | {duration_formatted}, {eta_formatted} left',
    clearOnComplete: true,
  })
  const total = counted.reduce((sum, { rows }) => sum + rows, 0)
  const deleted = new Map(counted.map(({ expired }) => [expired.site, 0]))
  // It draws on a terminal only.
  bar.start(total, 0)
  try {
    await store.retention.purge(
      counted.map(({ expired }) => expired),
      {
        signal: stopping.signal,
        onChunk(site, rows) {
          deleted.set(site, (deleted.get(site) ?? 0) + rows)
          bar.increment(rows)
        },
      },
    )
  } finally {
    bar.stop()
    process.off('SIGINT', stop).off('SIGTERM', stop)
    for (const { expired } of counted) say(expired, `${deleted.get(expired.site)} rows deleted`)
  }
  if (stopping.signal.aborted) throw new Error('Stopped by a signal. Run it again to delete the rest.')
}

function say({ site, before }: RetentionCutoff, what: string): void {
  process.stdout.write(`${site}: ${what} that were received before ${before.toISOString()}.\n`)
}
