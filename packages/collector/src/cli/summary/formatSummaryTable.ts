import type { Summary } from '../../reading/createSummary.ts'
import type { SummaryQuery } from '../../reading/summaryQuery.ts'
import { formatDuration } from '../output/formatDuration.ts'
import { type Columns, createTableFormatter } from '../output/printTable.ts'
import { listBucketLines } from './listBucketLines.ts'

/** How many minutes longer the limit is in the columns of the table of sites. */
const shownExtraMinutes = [5, 15, 30, 60] as const

/** Formats a summary as text with several tables. */
export function formatSummaryTable(summary: Summary, query: SummaryQuery): string {
  const parts = [
    describePeriod(summary),
    formatTotals(summary),
    formatBuckets(summary, query),
    summary.groups !== undefined && formatGroups(summary, query),
    formatSites(summary),
    summary.flags !== undefined && formatFlags(summary),
  ]
  return parts.filter((part) => typeof part === 'string').join('\n')
}

function describePeriod({ from, to, bucket, timeZone, previous }: Summary): string {
  const period = `Session ends detected from ${formatTime(from)} to ${formatTime(to)}, by ${bucket} in ${timeZone}.\n`
  return previous
    ? `${period}Compared with ${formatTime(previous.from)} to ${formatTime(previous.to)}.\n`
    : period
}

const formatTime = (time: Date) => time.toISOString().replace(/\.\d+/, '')

type Line = readonly (string | number | null)[]

function formatTable(headings: readonly string[], lines: readonly Line[]): string {
  const columns: Columns<Line> = Object.fromEntries(
    headings.map((heading, index) => [heading, (line: Line) => line[index] ?? null]),
  )
  return createTableFormatter(columns, { alignsNumbers: true })(lines)
}

/** What could not be counted within its time limit is shown as a dash. */
const notCounted = (what: string) => `${what} could not be counted in time. Choose a shorter period.\n`

const figures = {
  ended: 'ended sessions',
  idleTimeouts: 'idle timeouts',
  returnedWithin10Minutes: 'back within 10 minutes',
  needReview: 'need review',
} as const

function formatTotals({ totals, previous }: Summary): string {
  const names = Object.keys(figures) as (keyof typeof figures)[]
  const lines = names.map((name): Line => {
    const [count, before] = [totals[name], previous?.totals[name] ?? null]
    return [figures[name], count, ...(previous ? [before, formatChange(count, before)] : [])]
  })
  const headings = ['total', 'count', ...(previous ? ['previous', 'change'] : [])]
  const notes = totals.needReview === null ? notCounted('Rows that need review') : ''
  return formatTable(headings, lines) + notes
}

function formatChange(count: number | null, before: number | null): string | null {
  if (count === null || before === null || before === 0) return null
  const percent = Math.round((count / before - 1) * 100)
  return `${percent > 0 ? '+' : ''}${percent} %`
}

function formatBuckets(summary: Summary, query: SummaryQuery): string {
  const buckets = listBucketLines(summary, query)
  const reasons = [...new Set(buckets.flatMap(({ counts }) => Object.keys(counts)))].sort()
  const headings = [summary.bucket, 'ended', ...(query.previous ? ['previous'] : []), ...reasons]
  const lines = buckets.map(
    ({ label, ended, previous, counts }): Line => [
      label,
      ended,
      ...(query.previous ? [previous] : []),
      ...reasons.map((reason) => Object.entries(counts).find(([name]) => name === reason)?.[1] ?? 0),
    ],
  )
  return formatTable(headings, lines)
}

function formatGroups(
  { groups, otherCount }: Summary,
  { groupBy = 'subject', previous }: SummaryQuery,
): string {
  if (!groups) return notCounted('Groups')
  const headings = [groupBy, 'ended', ...(previous ? ['previous'] : []), 'idle_timeout']
  const lines = groups.map(
    ({ key, count, previousCount = null, counts }): Line => [
      key ?? '(unknown)',
      count,
      ...(previous ? [previousCount] : []),
      counts.idle_timeout ?? 0,
    ],
  )
  const others: readonly Line[] = otherCount ? [['(others)', otherCount]] : []
  return formatTable(headings, [...lines, ...others])
}

function formatSites({ sites }: Summary): string {
  if (!sites) return notCounted('Sites')
  if (sites.length === 0) return 'No session ends match.\n'
  const headings = ['site', 'ended', 'idle_timeout', 'limit', 'came_back', 'median']
  const extraHeadings = shownExtraMinutes.map((minutes) => `kept_by_+${minutes}m`)
  const lines = sites.map(({ site, ended, idleTimeouts, idleTimeoutSeconds, pastLimit, keptBy }): Line => {
    const { count, p50Ms } = pastLimit
    return [
      ...[site, ended, idleTimeouts],
      idleTimeoutSeconds === null ? null : formatDuration(idleTimeoutSeconds * 1000),
      ...[count, p50Ms === null ? null : formatDuration(p50Ms)],
      ...shownExtraMinutes.map((minutes) => {
        const kept = keptBy.find(({ extraMinutes }) => extraMinutes === minutes)
        return kept && count > 0 ? `${Math.round((kept.count / count) * 100)} %` : null
      }),
    ]
  })
  const explanation =
    'median: how long after the limit users came back. kept_by: the share of them that a longer limit would have kept.\n'
  return formatTable([...headings, ...extraHeadings], lines) + explanation
}

function formatFlags({ flags }: Summary): string {
  return flags ? formatTable(['flag', 'rows'], Object.entries(flags)) : notCounted('Flags')
}
