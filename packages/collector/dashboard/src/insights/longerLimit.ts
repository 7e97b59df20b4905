import type { SiteSummary } from '../api/types.ts'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'

type Kept = SiteSummary['keptBy'][number]

const minuteMs = 60_000

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
export function describeNotCounted({ idleTimeouts, pastLimit }: SiteSummary, kept: Kept): string {
  const returns = pastLimit.count === 1 ? '1 return' : `${formatCount(pastLimit.count)} returns`
  const others = Math.max(idleTimeouts - pastLimit.count, 0)
  const basis = `${formatCount(kept.count)} of ${returns}.`
  if (others === 0) return basis
  const users = others === 1 ? 'The user of 1 timeout' : `The users of ${formatCount(others)} timeouts`
  return `${basis} ${users} never returned and are not counted: a longer limit would not have helped them.`
}
