import type { Knex } from 'knex'
import { dayMs, minuteMs } from './dashboardPage.ts'
import { insertRows } from './rows.ts'

const hourMs = 60 * minuteMs

interface Site {
  readonly name: string
  readonly limitMinutes: number
  readonly rowsPerDay: number
  /** How many days ago the site's script stopped. */
  readonly deadDays: number
}

/** The sites of the collector. Nothing has come from the portal for nine days. */
export const questionSites: readonly Site[] = [
  { name: 'shop', limitMinutes: 30, rowsPerDay: 7, deadDays: 0 },
  { name: 'acme', limitMinutes: 15, rowsPerDay: 5, deadDays: 0 },
  { name: 'portal', limitMinutes: 30, rowsPerDay: 2, deadDays: 9 },
]

const historyDays = 365
const otherReasons = ['logout', 'browser_closed', 'ended_early', 'revoked'] as const

/** Inserts about 5,000 rows of one year, in which each of the auditor's questions has an answer. */
export async function insertQuestionRows(sql: Knex, now: number): Promise<void> {
  const random = createRandom()
  const rows = questionSites.flatMap((site) =>
    Array.from({ length: (historyDays - site.deadDays) * site.rowsPerDay }, (_, index) => {
      const daysAgo = site.deadDays + Math.floor(index / site.rowsPerDay)
      // Never within 90 minutes of the time of day that it is now, so that no row leaves a period while a test runs.
      const at = now - daysAgo * dayMs - (90 + random() * (24 * 60 - 180)) * minuteMs
      return createRow(site, at, `${site.name}-${index}`, random)
    }),
  )
  await insertRows(sql, [...rows, ...createNotableRows(now)])
}

function createRow({ name, limitMinutes }: Site, at: number, session: string, random: () => number) {
  const isTimeout = random() < 0.45
  const isSwept = isTimeout && random() < 0.3
  const pastLimitMs = isSwept ? 0 : -Math.log(1 - random()) * 25 * minuteMs
  const reason = otherReasons[Math.floor(random() * otherReasons.length)] ?? 'logout'
  return {
    session,
    site: name,
    detected_at: Math.floor(at),
    subject: `u_${1000 + Math.floor(random() ** 2 * 300)}`,
    reason: isTimeout ? 'idle_timeout' : reason,
    detected_by: isSwept ? 'sweep' : 'login_page',
    elapsed_ms: Math.floor(limitMinutes * minuteMs + pastLimitMs),
    idle_timeout_seconds: limitMinutes * 60,
    evidence: random() < 0.7 ? 'signed' : 'self_reported',
    ip: `203.0.113.${Math.floor(random() * 200)}`,
    ...(!isTimeout && { expired_at: null }),
  }
}

/** The rows that the questions are about. */
function createNotableRows(now: number) {
  const yesterday = Math.floor(now / dayMs) * dayMs - dayMs
  const twoDaysAgo = now - 2 * dayMs
  // A burst counts by the minute of the clock.
  const minute = Math.floor((now - 3 * dayMs) / minuteMs) * minuteMs
  const shop = { site: 'shop', evidence: 'signed' }
  return [
    // Signed out yesterday at 15:00.
    { ...shop, session: 'afternoon', subject: 'u_1033', detected_at: yesterday + 15 * hourMs },
    // Timed out most often.
    ...Array.from({ length: 40 }, (_, index) => ({
      ...shop,
      session: `often-${index}`,
      subject: 'u_often',
      detected_at: twoDaysAgo - index * 7 * hourMs,
    })),
    // Within the last hour.
    ...[12, 31, 47].map((minutes) => ({
      ...shop,
      session: `hour-${minutes}`,
      detected_at: now - minutes * minuteMs,
    })),
    {
      session: 'selftest-now',
      subject: 'selftest',
      client_version: 'selftest',
      detected_at: now - minuteMs,
    },
    // Cannot be trusted.
    { ...shop, session: 'anomaly', reason: 'clock_anomaly', expired_at: null, detected_at: twoDaysAgo },
    { ...shop, session: 'skew', clock_skew_ms: 95_000, detected_at: twoDaysAgo },
    ...Array.from({ length: 25 }, (_, index) => ({
      session: `burst-${index}`,
      subject: `u_burst_${index}`,
      site: 'acme',
      ip: '198.51.100.7',
      reason: 'logout',
      expired_at: null,
      detected_at: minute + index * 2000,
    })),
  ]
}

/** A small generator (mulberry32), so that each run has the same rows. */
function createRandom(): () => number {
  let state = 42
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
