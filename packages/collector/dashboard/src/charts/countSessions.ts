import type { Bucket } from '../api/types.ts'
import { reasons as allReasons } from '../format/labels.ts'

/** Counts the sessions of some buckets that ended for one reason, or for any. */
export function countSessions(buckets: readonly Bucket[], reason?: (typeof allReasons)[number]): number {
  const counted = reason ? [reason] : allReasons
  return buckets.reduce(
    (sum, { counts }) => counted.reduce((bucketSum, each) => bucketSum + (counts[each] ?? 0), sum),
    0,
  )
}
