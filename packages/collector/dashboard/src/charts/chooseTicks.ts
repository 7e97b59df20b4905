import type { Summary } from '../api/types.ts'
import { startOfDay, type Zone } from '../state/calendar.ts'

/** The width of a label and the space around it, in pixels. */
const labelWidth = 76

/** How many buckets may lie between two labels. Hours beyond 12 are labeled by day instead. */
const strides = {
  hour: [1, 2, 3, 6, 12],
  day: [1, 2, 7, 14, 28, 56, 112, 224, 448],
  week: [1, 2, 4, 8, 13, 26, 52, 104],
  month: [1, 2, 3, 6, 12, 24],
} as const satisfies Record<Summary['bucket'], readonly number[]>

/**
 * Chooses which starts of buckets have a label: as many as fit, at regular distances. Labels elsewhere would make a bar look
 * as if it covered another time. Times are epoch seconds.
 */
export function chooseTicks(
  starts: readonly number[],
  unit: Summary['bucket'],
  zone: Zone,
  width: number,
): number[] {
  const maxLabels = Math.max(Math.floor(width / labelWidth), 1)
  const stride = strides[unit].find((each) => starts.length / each <= maxLabels)
  const midnights = starts.filter((start) => startOfDay(start * 1000, zone) === start * 1000)
  if (unit === 'hour' && stride === undefined) return takeEvery(midnights, maxLabels)
  // Hours are counted from midnight.
  const [firstMidnight] = midnights
  const anchor = unit === 'hour' && firstMidnight !== undefined ? starts.indexOf(firstMidnight) : 0
  return stride === undefined
    ? takeEvery(starts, maxLabels)
    : starts.filter((_, index) => (index - anchor) % stride === 0)
}

function takeEvery(starts: readonly number[], maxLabels: number): number[] {
  const stride = Math.max(Math.ceil(starts.length / maxLabels), 1)
  return starts.filter((_, index) => index % stride === 0)
}
