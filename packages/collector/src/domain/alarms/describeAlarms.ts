import type { Alarm } from './alarm.ts'
import type { ManyRefusals } from './refusals.ts'
import type { Silence } from './silence.ts'
import type { UnusualShare } from './unusualShares.ts'

export function describeSilence(site: string, { since, limitMs }: Silence): Alarm {
  const sinceDate = new Date(since)
  return {
    kind: 'silent_site',
    site,
    since: sinceDate,
    message: `The site "${site}" has had no row and no activity since ${formatTime(sinceDate)}, which is unusually long for it. Check that its pages still load the script and can reach the collector.`,
    detail: { limitSeconds: Math.round(limitMs / 1000) },
  }
}

export function describeUnusualShare(
  site: string,
  { dimension, value, window, since, count, total, share, usualShare }: UnusualShare,
): Alarm {
  const usually = usualShare === 0 ? 'none' : formatPercent(usualShare)
  return {
    kind: 'unusual_share',
    site,
    since: new Date(since),
    message: `${count} of the ${total} rows of the site "${site}" in the last ${window} have the ${dimension} ${value} (${formatPercent(share)}; usually ${usually}). Look at these rows for a common user, origin or address.`,
    detail: { dimension, value, window, count, total, share: round(share), usualShare: round(usualShare) },
  }
}

export function describeRefusals({ site, kind, since, count, topOrigin }: ManyRefusals): Alarm {
  const start = `${count} reports for the site "${site}" were refused in about the last hour`
  if (kind === 'ticket')
    return {
      kind: 'refused_ticket',
      site,
      since: new Date(since),
      message: `${start}, because their tickets are missing or do not verify. Check that the application signs tickets with a key in the site's "ticketKeys".`,
      detail: { count },
    }
  return {
    kind: 'refused_origin',
    site,
    since: new Date(since),
    message: `${start}, because the site does not list their origin (most often: ${topOrigin}). If it is yours, add it to the site's "origins".`,
    detail: { count, origin: topOrigin },
  }
}

function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, 'Z')
}

function formatPercent(share: number): string {
  const percent = share * 100
  return `${percent < 10 ? Math.round(percent * 10) / 10 : Math.round(percent)} %`
}

function round(share: number): number {
  return Math.round(share * 10_000) / 10_000
}
