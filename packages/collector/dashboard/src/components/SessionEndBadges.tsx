import { isSelftest } from '../../../src/domain/selftest.ts'
import { maxDelayMs, maxSkewMs } from '../../../src/reading/search/flags.ts'
import type { SessionEnd } from '../api/types.ts'
import { measureMs } from '../format/dateTime.ts'
import { formatDuration } from '../format/numbers.ts'

interface Props {
  readonly sessionEnd: SessionEnd
}

interface Badge {
  readonly text: string
  readonly title: string
  readonly isWarning?: boolean
}

/** Marks the rows of a list that need a second look or have another origin than most. */
export function SessionEndBadges({ sessionEnd }: Props) {
  return (
    <>
      {listBadges(sessionEnd).map(({ text, title, isWarning }) => (
        <span key={text} class={isWarning ? 'badge warning' : 'badge'} title={title}>
          {text}
        </span>
      ))}
    </>
  )
}

function listBadges(sessionEnd: SessionEnd): Badge[] {
  const { detectedBy, supersedes, supersededBy, needsReview, resumedAt } = sessionEnd
  const badges: (Badge | false)[] = [
    isSelftest(sessionEnd) && { text: 'self-test', title: 'lapse selftest wrote this row.' },
    detectedBy === 'sweep' && {
      text: 'sweep',
      title: 'The sweep recorded this timeout, because no activity was reported.',
    },
    needsReview && {
      text: 'needs review',
      title: 'This row corrects an earlier one that has the same evidence.',
      isWarning: true,
    },
    supersedes !== null && !needsReview && { text: 'correction', title: 'This row corrects an earlier one.' },
    supersededBy !== null && { text: 'superseded', title: 'A later row corrects this one.' },
    resumedAt !== null && {
      text: 'in use again',
      title: 'The session is live again. When it ends, a new row corrects this one.',
    },
    ...listTimeBadges(sessionEnd),
  ]
  return badges.filter((badge) => badge !== false)
}

function listTimeBadges({ clockSkewMs, detectedAt, receivedAt, reason }: SessionEnd): (Badge | false)[] {
  const delayMs = measureMs(detectedAt, receivedAt) ?? 0
  return [
    reason === 'clock_anomaly' && {
      text: 'times contradict',
      title: 'The reported times contradict each other, so the reason is unknown.',
      isWarning: true,
    },
    Math.abs(clockSkewMs) > maxSkewMs && {
      text: 'skew',
      title: `The sender’s clock was off by ${formatDuration(Math.abs(clockSkewMs))}.`,
      isWarning: true,
    },
    delayMs > maxDelayMs && {
      text: 'late',
      title: `The report arrived ${formatDuration(delayMs)} after the end was detected.`,
    },
  ]
}
