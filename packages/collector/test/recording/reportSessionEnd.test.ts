import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import {
  createCollector,
  createReport,
  environment,
  type InProcessCollector,
  origin,
} from '../support/collector.ts'

describe.each(inject('databaseServers'))('POST /v1/lapses on $name', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector(server, { trustProxy: ['127.0.0.1'] })
  })
  afterAll(() => collector.end())

  const findRows = async (session: unknown) => {
    const rows = await collector.database.readRows()
    return rows.filter((row) => row.session_key === session)
  }

  test('writes one row and answers 201 with the verdict', async () => {
    const report = createReport()
    const response = await collector.post(report)
    expect(response.status).toBe(201)
    expect(response.headers.get('content-type')).toMatch('application/json')
    const answer = await response.json()
    expect(answer).toEqual({
      id: expect.any(Number),
      reason: 'idle_timeout',
      elapsedMs: 40 * 60_000,
      idleTimeoutSeconds: 1800,
      duplicate: false,
    })
    const [row, ...others] = await findRows(report.session)
    expect(others).toEqual([])
    expect(row).toMatchObject({
      id: answer.id,
      site: 'acme',
      session_key: report.session,
      marker: report.marker,
      session: report.session,
      subject: 'u_42',
      reason: 'idle_timeout',
      evidence: 'self_reported',
      detected_by: 'login_page',
      elapsed_ms: 40 * 60_000,
      idle_timeout_seconds: 1800,
      absolute_timeout_seconds: 43_200,
      origin,
      ip: '127.0.0.0',
      user_agent: 'node',
      client_version: '1.0.0',
    })
    expect(Boolean(row?.browser_restarted)).toBe(false)
  })

  test("converts the browser's times to the collector's clock, to the millisecond", async () => {
    const threeHours = 3 * 3_600_000
    const correct = createReport()
    const behind = Object.fromEntries(
      Object.entries(correct).map(([name, value]) => [
        name,
        typeof value === 'number' ? value - threeHours : value,
      ]),
    )
    await collector.post(behind)
    const [row] = await findRows(correct.session)
    const skew = Number(row?.clock_skew_ms)
    expect(skew).toBeGreaterThanOrEqual(threeHours)
    expect(skew).toBeLessThan(threeHours + 5_000)
    const delay = skew - threeHours
    expect(readStoredTime(row?.started_at)).toBe(Number(correct.startedAt) + delay)
    expect(readStoredTime(row?.last_access_at)).toBe(Number(correct.lastAccessAt) + delay)
    expect(readStoredTime(row?.expired_at)).toBe(Number(correct.lastAccessAt) + 1_800_000 + delay)
    expect(readStoredTime(row?.detected_at)).toBe(Number(correct.detectedAt) + delay)
    expect(readStoredTime(row?.received_at)).toBe(Number(correct.sentAt) + delay)
  })

  test('answers a repeated report with 200 and the recorded verdict, and writes nothing', async () => {
    const report = createReport()
    const first = await (await collector.post(report)).json()
    const later = await collector.post({ ...report, marker: randomUUID(), subject: 'u_666' })
    expect(later.status).toBe(200)
    expect(await later.json()).toEqual({ ...first, duplicate: true })
    expect(await findRows(report.session)).toHaveLength(1)
  })

  test('writes one row for thirty simultaneous reports of a session, and answers each', async () => {
    const report = createReport()
    const responses = await Promise.all(Array.from({ length: 30 }, () => collector.post(report)))
    const statuses = responses.map((response) => response.status).sort()
    expect(statuses).toEqual([...Array.from({ length: 29 }, () => 200), 201])
    const ids = await Promise.all(responses.map(async (response) => (await response.json()).id))
    expect(new Set(ids).size).toBe(1)
    expect(await findRows(report.session)).toHaveLength(1)
  })

  test('uses the marker id as the session key if the alias is unknown', async () => {
    const report = createReport({ session: undefined, subject: null })
    expect((await collector.post(report)).status).toBe(201)
    expect((await collector.post({ ...report, marker: String(report.marker).toUpperCase() })).status).toBe(
      200,
    )
    expect(await findRows(report.marker)).toMatchObject([{ session: null, subject: null }])
  })

  test('distinguishes aliases that differ only in case, an accent or a trailing space', async () => {
    const alias = randomUUID()
    for (const session of [`${alias}a`, `${alias}A`, `${alias}á`, `${alias}a `]) {
      expect((await collector.post(createReport({ session }))).status).toBe(201)
    }
  })

  test('stores characters outside the Basic Multilingual Plane unchanged', async () => {
    const report = createReport({ subject: '用户-𝟜𝟚' })
    await collector.post(report)
    expect(await findRows(report.session)).toMatchObject([{ subject: '用户-𝟜𝟚' }])
  })

  test('ignores unknown fields', async () => {
    expect((await collector.post(createReport({ later: { version: 2 } }))).status).toBe(201)
  })

  test.each([
    ['text/plain', {}],
    ['Application/JSON', {}],
    ['text/plain ; charset=utf-8', {}],
    ['application/json', { 'Content-Encoding': 'identity' }],
  ])('accepts a report as %s with the headers %j', async (type, headers) => {
    const response = await collector.post(createReport(), {
      Origin: origin,
      'Content-Type': type,
      ...headers,
    })
    expect(response.status).toBe(201)
  })

  test('accepts times and clocks at the limits of their range', async () => {
    const first = 946_684_800_000
    const last = 253_402_300_799_999
    const early = { startedAt: first, lastAccessAt: first, detectedAt: first, sentAt: first }
    const mixed = { ...early, detectedAt: last, sentAt: last }
    for (const times of [early, { ...mixed, startedAt: last, lastAccessAt: last }, mixed]) {
      expect((await collector.post(createReport(times))).status).toBe(201)
    }
  })

  test('stores the client address that a trusted proxy reports, truncated', async () => {
    const report = createReport()
    await collector.post(report, { Origin: origin, 'X-Forwarded-For': '203.0.113.7' })
    const next = createReport()
    await collector.post(next, { Origin: origin, 'X-Forwarded-For': '2001:db8:1:2:3:4:5:6' })
    expect(await findRows(report.session)).toMatchObject([{ ip: '203.0.113.0' }])
    expect(await findRows(next.session)).toMatchObject([{ ip: '2001:db8:1::' }])
  })

  test('ignores the client address that an untrusted proxy reports', async () => {
    const direct = await createCollector(server)
    const headers = { Origin: origin, 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7' }
    await direct.post(createReport(), headers)
    expect(await direct.database.readRows()).toMatchObject([{ ip: '127.0.0.0' }])
    await direct.end()
  })

  test('answers each report of a batch on its own if the database refuses one row', async () => {
    await collector.database.sql.raw(createRefusingTrigger(server.name))
    const sessions = Array.from({ length: 60 }, () => randomUUID())
    const answers = await Promise.all(
      sessions.map((session, index) =>
        collector.post(createReport({ session, subject: index === 17 ? 'u_poison' : 'u_42' })),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(
      sessions.map((_, index) => (index === 17 ? 503 : 201)),
    )
    const ids = await Promise.all(answers.map(async (answer) => (await answer.json()).id))
    for (const [index, session] of sessions.entries())
      expect(await findRows(session)).toMatchObject(index === 17 ? [] : [{ id: ids[index] }])
    await collector.database.sql.raw('drop trigger refuse_poison')
  })

  describe('with tickets', () => {
    const sign = (claims: Record<string, unknown>, secret = environment.TICKET_SECRET, typ = 'lapse+jwt') =>
      new SignJWT({ iss: 'signed', sub: 'u_7', iat: Math.floor(Date.now() / 1000) - 3600, ...claims })
        .setProtectedHeader({ alg: 'HS256', typ })
        .sign(new TextEncoder().encode(secret))

    test("prefers the ticket's claims over the body, and writes a signed row", async () => {
      const session = randomUUID()
      const ticket = await sign({ sid: session, idle: 600, abs: 7200 })
      const response = await collector.post(createReport({ site: 'signed', subject: 'u_forged', ticket }))
      expect(await response.json()).toMatchObject({ reason: 'idle_timeout', idleTimeoutSeconds: 600 })
      expect(await findRows(session)).toMatchObject([
        {
          subject: 'u_7',
          session,
          evidence: 'signed',
          idle_timeout_seconds: 600,
          absolute_timeout_seconds: 7200,
        },
      ])
    })

    test("limits the grace period to a tenth of the ticket's idle timeout", async () => {
      const judgeAfter = async (seconds: number) => {
        const now = Date.now()
        const ticket = await sign({ sid: randomUUID(), idle: 30 })
        const times = { lastAccessAt: now - seconds * 1000, detectedAt: now, sentAt: now }
        return (await (await collector.post(createReport({ site: 'signed', ticket, ...times }))).json())
          .reason
      }
      expect(await judgeAfter(26.9)).toBe('ended_early')
      expect(await judgeAfter(27)).toBe('idle_timeout')
    })

    test.each<[string, () => Promise<string> | string]>([
      ['is signed by another key', () => sign({}, 'another secret of the tests, 32 bytes long')],
      ['is of another type', () => sign({}, environment.TICKET_SECRET, 'JWT')],
      ['is for another site', () => sign({ iss: 'acme' })],
      ['has expired', () => sign({ exp: 1_000_000_000 })],
      ['has no subject', () => sign({ sub: undefined })],
      ['is no JWT', () => 'not.a.ticket'],
    ])('answers 401 to a ticket that %s, and writes no row', async (_, ticket) => {
      const report = createReport({ site: 'signed', ticket: await ticket() })
      expect((await collector.post(report)).status).toBe(401)
      expect(await findRows(report.session)).toEqual([])
    })

    test('answers 401 to a report without a ticket if the site requires one', async () => {
      expect((await collector.post(createReport({ site: 'signed' }))).status).toBe(401)
    })
  })
})

/** Creates a trigger that refuses rows with the subject `u_poison`. */
function createRefusingTrigger(database: string): string {
  const head = 'create trigger refuse_poison before insert on session_audit for each row'
  return database === 'SQLite'
    ? `${head} when new.subject = 'u_poison' begin select raise(abort, 'poison'); end`
    : `${head} if new.subject = 'u_poison' then signal sqlstate '45000'; end if`
}
