import type { Config } from './config.ts'
import type { Expired } from './store/purge.ts'

const dayMs = 86_400_000

/** What each site's `retentionDays` keeps no longer at a time. A site without them keeps its rows for ever. */
export function expiredAt(now: Date, sites: Config['sites']): Expired[] {
  return Object.entries(sites).flatMap(([site, { retentionDays }]) =>
    retentionDays === undefined ? [] : [{ site, before: new Date(now.getTime() - retentionDays * dayMs) }],
  )
}
