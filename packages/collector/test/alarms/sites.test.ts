import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { toQuarterHour } from '../../src/domain/alarms/quarterHourCounts.ts'
import { createAlarmJob } from '../../src/jobs/alarmJob.ts'
import { createRefusalJob } from '../../src/jobs/refusalJob.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { createSiteMonitor } from '../../src/reading/siteMonitor.ts'
import { createRefusalCounter } from '../../src/recording/refusalCounter.ts'
import { advanceMonotonicClock } from '../support/clock.ts'
import {
  createCollector,
  createReport,
  type InProcessCollector,
  issueToken,
  origin,
  postActivity,
} from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const silent = pino({ level: 'silent' })
const timeZone = 'Asia/Kolkata'
const selftest = { client_version: 'selftest', subject: 'selftest' }
const site = { origins: [origin], idleTimeoutSeconds: 1800 }
const sites = {
  acme: site,
  dead: site,
  empty: site,
  signed: {
    ...site,
    requireTicket: true,
    ticketKeys: [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }],
  },
}

describe.each(inject('databaseServers'))('The state of the sites on $name', (server) => {
  let collector: InProcessCollector
  let read: string
  const now = Date.now()
  beforeAll(async () => {
    collector = await createCollector(server, { sites })
    read = (await issueToken(collector.store)).token
    const repeat = (name: string, from: number, to: number, everyMs: number) =>
      Array.from({ length: Math.ceil((to - from) / everyMs) }, (_, index) => ({
        site: name,
        session: `${name}-${index}`,
        detected_at: from + index * everyMs,
      }))
    const selftests = ['acme', 'dead'].map((name) => ({
      ...selftest,
      site: name,
      session: `selftest-${name}`,
      detected_at: now - minute,
    }))
    await insertRows(collector.database.sql, [
      ...repeat('acme', now - 29.5 * day, now - minute / 2, 47 * minute),
      ...repeat('dead', now - 60 * day, now - 40 * day, 29 * minute),
      ...selftests,
    ])
  })
  afterAll(() => collector.end())

  const get = (path: string, token = read) =>
    fetch(`${collector.url}${path}`, { headers: { Authorization: `Bearer ${token}` } })
  let passed = 0
  /** Lets the shared snapshot become too old. */
  const passCache = () => {
    passed += minute
    advanceMonotonicClock(passed)
  }
  const getJson = async (path: string, token?: string) => (await get(path, token)).json()

  /** Counts the rows of `acme` from local midnight to the same time of day, some weeks ago. */
  async function countDay(weeks: number): Promise<number> {
    const until = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone).subtract({ weeks })
    const rows = await collector.database.readRows()
    return rows.filter(({ site: name, session, detected_at: stored }) => {
      const at = stored instanceof Date ? stored.getTime() : Date.parse(String(stored))
      const isBetween = at >= until.startOfDay().epochMilliseconds && at < until.epochMilliseconds
      return isBetween && name === 'acme' && !String(session).startsWith('selftest')
    }).length
  }

  test('GET /v1/sites shows silent sites first, and counts the day without self-tests', async () => {
    const selftestAt = new Date(now - minute).toISOString()
    passCache()
    const body = await getJson(`/v1/sites?timeZone=${timeZone}`)
    expect(Math.abs(Date.parse(body.generatedAt) - Date.now())).toBeLessThan(minute)
    expect(body.sites.map(({ site: name }: { site: string }) => name)).toEqual([
      'dead',
      'acme',
      'empty',
      'signed',
      'lapse',
    ])
    const [dead, acme, empty] = body.sites
    const deadSince = new Date(
      now - 60 * day + Math.floor((20 * day) / (29 * minute)) * 29 * minute,
    ).toISOString()
    expect(dead).toEqual({
      site: 'dead',
      lastRowAt: deadSince,
      lastActivityAt: null,
      liveSessions: 0,
      today: { count: 0, usual: null, until: body.generatedAt },
      silent: { since: deadSince, limitSeconds: 90 * 60 },
      lastSelftestAt: selftestAt,
      idleTimeoutSeconds: 1800,
      alarms: 1,
    })
    const counts = await Promise.all([0, 1, 2, 3, 4].map(countDay))
    const [, , low = 0, high = 0] = counts.slice(1).sort((a, b) => a - b)
    expect(acme).toMatchObject({ silent: null, lastSelftestAt: selftestAt, alarms: 0 })
    expect(acme.today.count).toBe(counts[0])
    expect(acme.today.usual).toBeGreaterThanOrEqual(low - 1)
    expect(acme.today.usual).toBeLessThanOrEqual(high + 1)
    expect(empty).toMatchObject({ lastRowAt: null, silent: null, today: { count: 0, usual: null } })
  })

  test('the rollup does not change the state', async () => {
    const states = async () => {
      const { sites: found } = await createMonitor().read()
      return found
    }
    const before = await states()
    await collector.store.rollup.rebuild()
    expect(await states()).toEqual(before)
  })

  test('a site stays silent after its rows were deleted, until it is used again', async () => {
    const job = createAlarmJob({
      siteMonitor: createMonitor(),
      store: collector.store,
      metrics: createMetrics(() => ({ waiting: 0, connections: 0 })),
      log: silent,
    })
    await job.run(new AbortController().signal)
    await collector.database.sql('session_audit').where({ site: 'dead' }).delete()
    const deleted = await createMonitor().read()
    expect(deleted.sites.find(({ name }) => name === 'dead')).toMatchObject({
      lastRowAt: undefined,
      silence: { limitMs: 90 * minute },
    })
    const activity = createReport({ site: 'dead', lastAccessAt: Date.now() - minute })
    expect((await postActivity(collector.url, activity, { Origin: origin })).status).toBe(204)
    passCache()
    const [dead] = (await getJson('/v1/sites')).sites.filter((each: { site: string }) => each.site === 'dead')
    expect(dead).toMatchObject({ silent: null, liveSessions: 1, lastActivityAt: expect.any(String) })
    const again = createAlarmJob({
      siteMonitor: createMonitor(),
      store: collector.store,
      metrics: createMetrics(() => ({ waiting: 0, connections: 0 })),
      log: silent,
    })
    await again.run(new AbortController().signal)
    expect(await collector.database.sql('session_audit_silences')).toEqual([])
  })

  test('refused reports are counted in the metrics', async () => {
    const refused = Array.from({ length: 20 }, (_, index) => [
      collector.post(createReport(), { Origin: `https://${index < 15 ? 'new' : index}.example` }),
      collector.post(createReport({ site: 'signed' })),
    ]).flat()
    for (const { status } of await Promise.all(refused)) expect([401, 403]).toContain(status)
    const metrics = await (await fetch(`${collector.url}/metrics`)).text()
    expect(metrics).toContain('lapse_refused_reports_total{site="acme",kind="origin"} 20')
    expect(metrics).toContain('lapse_refused_reports_total{site="signed",kind="ticket"} 20')
  })

  test('counts of refused reports are added up, and deleted after 35 days', async () => {
    const counter = createRefusalCounter()
    let at = now - 36 * day
    const { alarms } = collector.store
    const run = () =>
      createRefusalJob({ store: collector.store, counter, clock: { now: () => at }, log: silent }).run(
        new AbortController().signal,
      )
    const refuse = (from: string) => counter.count({ site: 'acme', kind: 'origin', origin: from }, at)
    refuse('https://old.example')
    await run()
    at = now
    for (let times = 0; times < 12; times++) {
      refuse('https://a.example')
      refuse('https://b.example')
      if (times % 5 === 0) await run()
    }
    await run()
    const quarterHour = toQuarterHour(now)
    const stored = collector.database
      .sql('session_audit_refusals')
      .select('origin', 'quarter_hour', 'count')
      .whereIn('origin', ['https://a.example', 'https://b.example', 'https://old.example'])
      .orderBy('origin')
    expect((await stored).map((row) => ({ ...row, count: Number(row.count) }))).toEqual([
      { origin: 'https://a.example', quarter_hour: quarterHour, count: 12 },
      { origin: 'https://b.example', quarter_hour: quarterHour, count: 12 },
    ])
    const broken = { addRefusals: () => Promise.reject(new Error('away')), forgetRefusals: vi.fn() }
    refuse('https://a.example')
    await createRefusalJob({
      store: { alarms: { ...alarms, ...broken } },
      counter,
      clock: { now: () => at },
      log: silent,
    }).run(new AbortController().signal)
    expect(counter.take()).toMatchObject([{ origin: 'https://a.example', count: 1 }])
    passCache()
    const body = await getJson('/v1/alarms')
    expect(body.alarms).toContainEqual({
      kind: 'refused_origin',
      site: 'acme',
      since: expect.any(String),
      message: expect.stringContaining('because the site does not list their origin'),
      detail: { count: expect.any(Number), origin: expect.stringMatching(/^https:/) },
    })
  })

  test('a burst of an unusual reason raises an alarm', async () => {
    await insertRows(
      collector.database.sql,
      Array.from({ length: 30 }, () => ({
        session: randomUUID(),
        reason: 'revoked',
        evidence: 'server',
        detected_at: now - minute,
      })),
    )
    passCache()
    const { alarms } = await getJson('/v1/alarms')
    const shares = alarms.filter(({ kind }: { kind: string }) => kind === 'unusual_share')
    expect(shares.map(({ detail }: { detail: object }) => detail)).toMatchObject([
      { dimension: 'reason', value: 'revoked', window: 'hour', count: 30, usualShare: 0 },
      { dimension: 'evidence', value: 'server', window: 'hour', count: 30, usualShare: 0 },
    ])
  })

  test('a token for one site sees that site only', async () => {
    const { token } = await issueToken(collector.store, { site: 'empty' })
    expect((await getJson('/v1/sites', token)).sites).toMatchObject([{ site: 'empty' }])
    expect((await getJson('/v1/alarms', token)).alarms).toEqual([])
  })

  test('unknown parameters, unknown time zones and other tokens are refused', async () => {
    const { token } = await issueToken(collector.store, { scope: 'write' })
    const statuses = async (paths: readonly string[], as?: string) =>
      Promise.all(paths.map(async (path) => (await get(path, as)).status))
    expect(
      await statuses(['/v1/sites?timeZone=Mars/Olympus', '/v1/sites?site=a', '/v1/alarms?site=a']),
    ).toEqual([422, 422, 422])
    expect(await statuses(['/v1/sites', '/v1/alarms'], token)).toEqual([403, 403])
    expect((await fetch(`${collector.url}/v1/sites`)).status).toBe(401)
  })

  test('the metrics show the state of each site', async () => {
    const metrics = createMetrics(() => ({ waiting: 0, connections: 0 }))
    const siteMonitor = createMonitor()
    await createAlarmJob({ siteMonitor, store: collector.store, metrics, log: silent }).run(
      new AbortController().signal,
    )
    const text = await metrics.registry.metrics()
    expect(text).toContain('lapse_site_silent{site="acme"} 0')
    expect(text).toMatch(/lapse_site_last_row_timestamp_seconds\{site="acme"\} \d{10}/)
    expect(text).not.toContain('lapse_site_last_row_timestamp_seconds{site="empty"}')
    expect(text).toContain('lapse_alarms{kind="unusual_share",site="acme"} 2')
    expect(text).toContain('lapse_alarms{kind="silent_site",site="empty"} 0')
  })

  test('a collector that stops stores its counts of refused reports', async () => {
    await collector.close()
    const counts = await collector.database
      .sql('session_audit_refusals')
      .select('site', 'kind')
      .sum({ count: 'count' })
      .whereNotIn('origin', ['https://a.example', 'https://b.example'])
      .groupBy('site', 'kind')
      .orderBy('site')
    expect(counts.map((row) => ({ ...row, count: Number(row.count) }))).toEqual([
      { site: 'acme', kind: 'origin', count: 20 },
      { site: 'signed', kind: 'ticket', count: 20 },
    ])
  })

  const createMonitor = () =>
    createSiteMonitor({ sites, quietSites: [], repository: collector.store.sites, clock: { now: () => now } })
})
