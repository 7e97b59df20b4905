import type { Config } from '../config/config.ts'
import type { Expired } from '../store/audit/purge.ts'

const dayMs = 86_400_000

/**
 * Lists the sites that have a retention period, with the time before which their rows have expired. Retention counts
 * from the receipt: the sender chooses the time of the detection, and could have a row deleted immediately.
 */
export function listExpired(
  sites: Readonly<Record<string, Pick<Config['sites'][string], 'retentionDays'>>>,
  now: Date,
): Expired[] {
  return Object.entries(sites).flatMap(([site, { retentionDays }]) =>
    retentionDays === undefined ? [] : [{ site, before: new Date(now.getTime() - retentionDays * dayMs) }],
  )
}
