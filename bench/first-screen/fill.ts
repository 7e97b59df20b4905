import type { Knex } from 'knex'
import { toStoredTime } from '../../test/databases.ts'
import { type Dialect, getDialect, insertRows } from '../insertRows.ts'

/** The sites, and the share of the rows that each has. */
export const siteShares = {
  shop: 0.4,
  mail: 0.2,
  wiki: 0.12,
  hr: 0.1,
  crm: 0.08,
  erp: 0.05,
  support: 0.03,
  partner: 0.02,
} as const

const weekSeconds = 7 * 86_400

/**
 * Fills an empty audit table with rows of the last weeks, in the order of their detection: most in office hours of
 * working days, of 8 sites of different sizes and 50,000 users, a few of whom are signed out often. The sweep recorded a
 * sixth of the rows. One row in 50 corrects the one before it, and a few come from wrong clocks, arrived late or belong
 * to a burst. There are also 20,000 live sessions.
 */
export async function fillTable(sql: Knex, rows: number, weeks: number): Promise<void> {
  const start = new Date(Date.now() - weeks * weekSeconds * 1000)
  await insertRows(sql, rows, (dialect, { first, last }) =>
    createInsert(dialect, start, rows / weeks, first, last),
  )
  await sql.raw(`insert into session_return (audit_id, site, returned_at, received_at)
    select id, site, detected_at, received_at from session_audit where detected_by = 'sweep' and id % 2 = 0`)
  await getDialect(sql).analyze(sql)
  await insertLiveSessions(sql)
}

/** A number from 0 to 1 that depends on the number of the row. */
const random = (multiplier: number) =>
  `(session_number * ${multiplier} % 4294967296 * 2.3283064365386963e-10)`

function createInsert(
  dialect: Dialect,
  start: Date,
  rowsPerWeek: number,
  first: number,
  last: number,
): string {
  const { floor } = dialect
  const date = start.toISOString().slice(0, 10)
  const secondOfDay = (start.getTime() / 1000) % 86_400
  const time = (seconds: string) => dialect.time(`${secondOfDay} + ${seconds}`, date)
  // In scientific notation, because MySQL divides decimals with a precision of four digits.
  const perWeek = rowsPerWeek.toExponential()
  const columns = createColumns(dialect, time)
  return `insert into session_audit (${Object.keys(columns).join(', ')})
    with recursive
      numbers as (select ${first} as i union all select i + 1 from numbers where i < ${last}),
      sessions as (select i, i - (i % 50 = 49) as session_number, ${floor(`i / ${perWeek}`)} as week,
        i / ${perWeek} - ${floor(`i / ${perWeek}`)} as of_week, i % 100000 < 30 as is_burst from numbers),
      days as (select *, case when of_week < 0.9 then of_week / 0.18 else 5 + (of_week - 0.9) / 0.05 end as day
        from sessions),
      hours as (select *, ${floor('day')} as whole_day, day - ${floor('day')} as of_day from days),
      seconds as (select *, week * ${weekSeconds} + whole_day * 86400 +
        case when of_day < 0.06 then of_day * 420000 when of_day < 0.86 then 25200 + (of_day - 0.06) * 54000
        else 68400 + (of_day - 0.86) * 128571 end as at from hours),
      properties as (select *, ${random(2654435761)} as r1, ${random(2246822519)} as r2, ${random(3266489917)} as r3,
        ${random(668265263)} as r4, ${random(374761393)} as r5, 1800 + i * 7919 % 97 * (i * 104729 % 89) * 11 as idle
        from seconds),
      reasons as (select *, ${createReason()} as row_reason, ${createSite()} as row_site from properties),
      detections as (select *, case when is_burst then 'login_page' when row_reason = 'idle_timeout' and r4 < 0.27 then 'sweep'
        when r5 < 0.1 then 'server' when row_reason = 'logout' then 'logout' else 'login_page' end as row_detected_by
        from reasons)
    select ${Object.values(columns).join(', ')} from detections order by i`
}

function createReason(): string {
  return `case when r3 < 0.62 then 'idle_timeout' when r3 < 0.82 then 'logout' when r3 < 0.9 then 'absolute_timeout'
    when r3 < 0.95 then 'ended_early' when r3 < 0.985 then 'browser_closed' when r3 < 0.997 then 'revoked'
    else 'clock_anomaly' end`
}

function createSite(): string {
  let end = 0
  const cases = Object.entries(siteShares).map(([site, share]) => {
    end += share
    return `when r1 < ${end.toFixed(2)} then '${site}'`
  })
  return `case when is_burst then 'shop' ${cases.join(' ')} else 'partner' end`
}

function createColumns(
  { text, floor }: Dialect,
  time: (seconds: string) => string,
): Readonly<Record<string, string>> {
  const key = text(
    "'4f1c0a52-77de-4b0e-'",
    'session_number * 2654435761 % 4294967296',
    "'-'",
    'session_number',
  )
  return {
    id: 'i + 1',
    site: 'row_site',
    session_key: key,
    revision: '1 + (i % 50 = 49)',
    supersedes: 'case when i % 50 = 49 then i end',
    session: key,
    subject: `case when r2 < 0.97 then ${text("'u_'", floor('r2 * r2 * 50000'))} end`,
    reason: `case when i % 50 = 48 then 'idle_timeout' else row_reason end`,
    evidence: `case when row_detected_by = 'server' then 'server' when r1 < 0.6 then 'signed' else 'self_reported' end`,
    detected_by: 'row_detected_by',
    started_at: time('at - idle - 3600'),
    last_access_at: time('at - idle'),
    expired_at: time('at - idle + 1800'),
    detected_at: time('at'),
    received_at: time('at + case when r4 > 0.995 then 7200 + r5 * 28800 else 0.05 end'),
    elapsed_ms: 'idle * 1000',
    idle_timeout_seconds: '1800',
    clock_skew_ms: `case when r5 > 0.996 then 90000 + i % 86400 else i % 200 end`,
    browser_restarted: '0',
    origin: text("'https://'", 'row_site', "'.acme.com'"),
    ip: `case when row_detected_by = 'sweep' then null when is_burst then '198.51.100.0'
      else ${text("'10.'", floor('r4 * r4 * 200'), "'.'", floor('r5 * 200'), "'.0'")} end`,
    user_agent: `'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'`,
    client_version: `'1.0.0'`,
  }
}

const liveSessions = 20_000
/** Knex inserts at most 500 rows into SQLite at once. */
const liveSessionsPerInsert = 500
const hourMs = 3_600_000

/** They expire after the benchmark, so the sweep leaves them alone. */
async function insertLiveSessions(sql: Knex): Promise<void> {
  const sites = Object.keys(siteShares)
  const at = (time: number) => toStoredTime(sql, time)
  const now = Date.now()
  const live = Array.from({ length: liveSessions }, (_, index) => ({
    site: sites[index % sites.length] ?? '',
    session_key: `live-${index}`,
    session: `live-${index}`,
    subject: `u_${index}`,
    evidence: 'signed',
    started_at: at(now - hourMs),
    signed_in_at: at(now - hourMs),
    last_access_at: at(now),
    clock_skew_ms: 0,
    idle_timeout_seconds: 12 * 3600,
    expires_at: at(now + 12 * hourMs),
    due_at: at(now + 12 * hourMs),
    wait_ms: 0,
    origin: 'https://shop.acme.com',
    client_version: '1.0.0',
    registered_at: at(now - hourMs),
  }))
  await sql.batchInsert('session_live', live, liveSessionsPerInsert)
}
