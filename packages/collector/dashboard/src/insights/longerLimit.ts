import type { SiteSummary } from '../api/types.ts'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'

type Kept = SiteSummary['keptBy'][number]

const minuteMs = 60_000

/** Says how many idle timeouts a site had, and at which limit. */
export function describeTimeouts({ idleTimeouts, idleTimeoutSeconds }: SiteSummary): string {
  const timeouts = `${formatCount(idleTimeouts)} idle ${idleTimeouts === 1 ? 'timeout' : 'timeouts'}`
  return idleTimeoutSeconds === null
    ? timeouts
    : `${timeouts} at ${formatDuration(idleTimeoutSeconds * 1000)}`
}

/** Says how many of those who came back a longer limit would have kept signed in. */
export function describeKept({ idleTimeoutSeconds, pastLimit }: SiteSummary, kept: Kept): string {
  const extraMs = kept.extraMinutes * minuteMs
  const limit =
    idleTimeoutSeconds === null
      ? `A limit ${formatDuration(extraMs)} longer`
      : formatDuration(idleTimeoutSeconds * 1000 + extraMs)
  return `${limit} would have kept ${formatPercent(kept.count / pastLimit.count)} of those who came back.`
}

/** Says on how many returns that rests, and who is not counted. */
export function describeBasis({ pastLimit: { count, notReturned } }: SiteSummary, kept: Kept): string {
  const returns = count === 1 ? '1 return' : `${formatCount(count)} returns`
  const timeouts = notReturned === 1 ? '1 timeout' : `${formatCount(notReturned)} timeouts`
  const known = notReturned > 0 ? ` (${timeouts})` : ''
  return `${formatCount(kept.count)} of ${returns}. Users who never returned are not counted${known}.`
}
