import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import {
  createCollector,
  createReport,
  environment,
  type InProcessCollector,
  issueToken,
  origin,
} from '../support/collector.ts'

const minute = 60_000
const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
const site = { origins: [origin], idleTimeoutSeconds: 1800 }

/** Creates the report of a user who signs out, five minutes after the last access unless `changes` says otherwise. */
function createLogout(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return createReport({ lastAccessAt: Date.now() - 5 * minute, detectedBy: 'logout', ...changes })
}

describe.each(inject('databaseServers'))('A logout in a browser, on $name,', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector(server, {
      sites: {
        acme: { ...site, absoluteTimeoutSeconds: 43_200 },
        recording: { ...site, recordLogouts: true },
        lazy: { ...site, refreshSeconds: 900 },
        signed: { ...site, requireTicket: true, ticketKeys },
      },
    })
  })
  afterAll(() => collector.end())

  const findRows = async (session: unknown) => {
    const rows = await collector.database.readRows()
    return rows.filter((row) => row.session_key === session)
  }
  const post = async (report: unknown, headers?: Readonly<Record<string, string>>) => {
    const response = await collector.post(report, headers)
    return { status: response.status, body: await response.json() }
  }
  const signTicket = (session: string) =>
    new SignJWT({ iss: 'signed', sub: 'u_7', sid: session, idle: 1800 })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
      .setIssuedAt(Math.floor(Date.now() / 1000) - 3600)
      .sign(new TextEncoder().encode(environment.TICKET_SECRET))

  test('is only acknowledged, without a row', async () => {
    const logout = createLogout()
    expect(await post(logout)).toEqual({
      status: 200,
      body: {
        id: null,
        reason: 'logout',
        elapsedMs: Number(logout.detectedAt) - Number(logout.lastAccessAt),
        idleTimeoutSeconds: 1800,
        duplicate: false,
        recorded: false,
      },
    })
    expect(await findRows(logout.session)).toEqual([])
  })

  test('is acknowledged again when it is repeated, still without a row', async () => {
    const logout = createLogout()
    const first = await post(logout)
    expect(await post(logout)).toEqual(first)
    expect(await findRows(logout.session)).toEqual([])
  })

  test.each<[string, Record<string, unknown>]>([
    ['its site records logouts', { site: 'recording' }],
    ['it says report: true', { report: true }],
  ])('is recorded if %s', async (_, changes) => {
    const logout = createLogout(changes)
    const { status, body } = await post(logout)
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.any(Number),
      reason: 'logout',
      elapsedMs: expect.any(Number),
      idleTimeoutSeconds: 1800,
      duplicate: false,
    })
    expect(await findRows(logout.session)).toMatchObject([
      { id: body.id, reason: 'logout', detected_by: 'logout', evidence: 'self_reported', expired_at: null },
    ])
  })

  test('is not recorded if it says report: false, null or nothing', async () => {
    for (const report of [false, null, undefined]) {
      const logout = createLogout({ report })
      expect((await post(logout)).body).toMatchObject({ recorded: false })
      expect(await findRows(logout.session)).toEqual([])
    }
  })

  test('after the idle timeout is recorded as that timeout', async () => {
    const logout = createLogout({ lastAccessAt: Date.now() - 40 * minute })
    expect(await post(logout)).toMatchObject({ status: 201, body: { reason: 'idle_timeout' } })
    const [row, ...others] = await findRows(logout.session)
    expect(others).toEqual([])
    expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'logout', subject: 'u_42' })
    expect(readStoredTime(row?.expired_at)).toBe(readStoredTime(row?.last_access_at) + 30 * minute)
  })

  test('after the absolute timeout is recorded as that timeout', async () => {
    const logout = createLogout({ startedAt: Date.now() - 12 * 60 * minute - minute })
    expect(await post(logout)).toMatchObject({ status: 201, body: { reason: 'absolute_timeout' } })
    expect(await findRows(logout.session)).toMatchObject([{ reason: 'absolute_timeout' }])
  })

  test('counts as a timeout within the grace, but not within refreshSeconds', async () => {
    const judgeAfter = async (idleMs: number, detectedBy: string) => {
      const now = Date.now()
      const times = { lastAccessAt: now - idleMs, detectedAt: now, sentAt: now }
      return (await post(createLogout({ site: 'lazy', detectedBy, ...times }))).body.reason
    }
    expect(await judgeAfter(30 * minute - 10_000, 'logout')).toBe('idle_timeout')
    expect(await judgeAfter(20 * minute, 'logout')).toBe('logout')
    expect(await judgeAfter(20 * minute, 'login_page')).toBe('idle_timeout')
    expect(await judgeAfter(14 * minute, 'login_page')).toBe('ended_early')
  })

  test("is recorded as an idle timeout if the host's own timer ended the session", async () => {
    const logout = createLogout({ reason: 'idle_timeout' })
    expect(await post(logout)).toMatchObject({ status: 201, body: { reason: 'idle_timeout' } })
    const [row] = await findRows(logout.session)
    expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'logout', evidence: 'self_reported' })
    // The timer's limit is shorter than the configured one.
    expect(readStoredTime(row?.expired_at)).toBe(readStoredTime(row?.detected_at))
  })

  test.each(['logout', 'revoked', 'displaced', 'absolute_timeout', 'ended_early', 'x', '', 1, true, {}])(
    'cannot state the reason %j',
    async (reason) => {
      const logout = createLogout({ reason })
      const { status, body } = await post(logout)
      expect({ status, errors: body.errors }).toEqual({
        status: 422,
        errors: [{ pointer: '#/reason', detail: 'must be idle_timeout' }],
      })
      expect(await findRows(logout.session)).toEqual([])
    },
  )

  test('with contradictory times is recorded as clock_anomaly', async () => {
    for (const reason of ['idle_timeout', undefined]) {
      const logout = createLogout({ reason, lastAccessAt: Date.now() + 10 * minute })
      expect(await post(logout)).toMatchObject({ status: 201, body: { reason: 'clock_anomaly' } })
      expect(await findRows(logout.session)).toMatchObject([{ reason: 'clock_anomaly' }])
    }
  })

  test("does not suppress the later timeout of the session, or of another user's session", async () => {
    const timeout = createReport()
    const { session, marker } = timeout
    for (const forged of [createLogout({ session, subject: 'u_666' }), createLogout({ session, marker })])
      expect((await post(forged)).body).toMatchObject({ recorded: false })
    expect(await post(timeout)).toMatchObject({
      status: 201,
      body: { reason: 'idle_timeout', duplicate: false },
    })
    expect(await findRows(session)).toMatchObject([{ reason: 'idle_timeout', subject: 'u_42' }])
  })

  test('needs a ticket, from an allowed origin, like any other report', async () => {
    const session = randomUUID()
    const ticket = await signTicket(session)
    const logout = createLogout({ site: 'signed', session })
    expect((await post(logout)).status).toBe(401)
    expect((await post({ ...logout, ticket: `${ticket}x` })).status).toBe(401)
    expect((await post({ ...logout, ticket }, { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await post({ ...logout, site: 'other' })).status).toBe(404)
    expect((await post({ ...logout, ticket })).body).toMatchObject({ id: null, recorded: false })
    expect(await post({ ...logout, ticket, reason: 'idle_timeout' })).toMatchObject({ status: 201 })
    expect(await findRows(session)).toMatchObject([{ reason: 'idle_timeout', evidence: 'signed' }])
  })

  test('from a server is always recorded as the server says', async () => {
    const { token } = await issueToken(collector.store, { scope: 'write' })
    const session = randomUUID()
    const lastAccessAt = Date.now() - 40 * minute
    const report = { site: 'acme', session, reason: 'logout', lastAccessAt }
    const answer = await post(report, { Authorization: `Bearer ${token}` })
    expect(answer).toMatchObject({ status: 201, body: { reason: 'logout' } })
    expect(await findRows(session)).toMatchObject([{ reason: 'logout', evidence: 'server' }])
  })

  test('is the only report in which a browser can state reason and report', async () => {
    const other = createReport({ reason: 'revoked', report: 'ignored', lastAccessAt: Date.now() - minute })
    expect(await post(other)).toMatchObject({ status: 201, body: { reason: 'ended_early' } })
    const timer = createReport({ reason: 'idle_timeout', lastAccessAt: Date.now() - minute })
    expect(await post(timer)).toMatchObject({ status: 201, body: { reason: 'ended_early' } })
  })
})
