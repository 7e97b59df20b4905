import type { Config } from '../config/config.ts'
import type { Expired } from '../store/audit/purge.ts'

const dayMs = 86_400_000

/**
 * The rows whose retention is over at a time. It counts from the receipt: the sender chooses the time of the detection,
 * and could otherwise have a row deleted at once. A site without `retentionDays` keeps its rows indefinitely.
 */
export function expiredAt(
  now: Date,
  sites: Readonly<Record<string, Pick<Config['sites'][string], 'retentionDays'>>>,
): Expired[] {
  return Object.entries(sites).flatMap(([site, { retentionDays }]) =>
    retentionDays === undefined ? [] : [{ site, before: new Date(now.getTime() - retentionDays * dayMs) }],
  )
}
