import type { Config } from '../config/config.ts'
import type { RetentionCutoff } from '../store/audit/purge.ts'

const dayMs = 86_400_000

/**
 * Computes which rows are expired. Retention starts with the receipt of a row: its sender chooses the time of the
 * detection, and could otherwise have the row deleted immediately. A site without `retentionDays` keeps its rows
 * indefinitely.
 */
export function computeRetentionCutoffs(
  now: Date,
  sites: Readonly<Record<string, Pick<Config['sites'][string], 'retentionDays'>>>,
): RetentionCutoff[] {
  return Object.entries(sites).flatMap(([site, { retentionDays }]) =>
    retentionDays === undefined ? [] : [{ site, before: new Date(now.getTime() - retentionDays * dayMs) }],
  )
}
