import type { Config } from '../config/config.ts'
import { dayMs } from '../domain/durations.ts'
import type { RetentionCutoff } from '../store/audit/purge.ts'

/**
 * Computes the time before which each site's rows are older than its retention. Retention counts from when a row was
 * received: the sender chooses the time of detection, and could otherwise have its row deleted immediately. Sites
 * without `retentionDays` keep their rows indefinitely.
 */
export function computeRetentionCutoffs(
  now: Date,
  sites: Readonly<Record<string, Pick<Config['sites'][string], 'retentionDays'>>>,
): RetentionCutoff[] {
  return Object.entries(sites).flatMap(([site, { retentionDays }]) =>
    retentionDays === undefined ? [] : [{ site, before: new Date(now.getTime() - retentionDays * dayMs) }],
  )
}
