import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { issueToken } from '../support/collector.ts'
import {
  createActivity,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('POST /v1/activity on $name', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
  })
  afterAll(() => collector.end())

  const readLastAccess = async (session: unknown) =>
    readStoredTime((await collector.findLive(session))?.last_access_at)

  test('makes a session live, and answers 204', async () => {
    const report = createActivity({ heartbeatSeconds: 300 })
    const response = await collector.postActivity(report)
    expect({ status: response.status, text: await response.text() }).toEqual({ status: 204, text: '' })
    const live = await collector.findLive(report.session)
    expect(live).toMatchObject({
      site: 'acme',
      marker: report.marker,
      session: report.session,
      subject: 'u_42',
      evidence: 'self_reported',
      idle_timeout_seconds: 1800,
      absolute_timeout_seconds: null,
      heartbeat_seconds: 300,
      wait_ms: 610_000,
      origin: 'https://app.acme.com',
      client_version: '1.0.0',
      resumed_at: null,
      resumes: null,
    })
    const lastAccess = readStoredTime(live?.last_access_at)
    expect(Math.abs(lastAccess - Number(report.lastAccessAt))).toBeLessThan(2_000)
    expect(readStoredTime(live?.expires_at)).toBe(lastAccess + 30 * minute)
    expect(readStoredTime(live?.due_at)).toBe(lastAccess + 35 * minute + 10_000)
    expect(Object.keys(live ?? {})).not.toContain('ip')
  })

  test('moves the last access forward and the start back, never the other way', async () => {
    const report = createActivity()
    await collector.use(report)
    const before = await collector.findLive(report.session)
    const older = {
      lastAccessAt: Number(report.lastAccessAt) - minute,
      startedAt: Number(report.startedAt) + minute,
    }
    expect(await collector.use({ ...report, ...older })).toBe(204)
    expect(await collector.findLive(report.session)).toEqual(before)
    const newer = { lastAccessAt: Date.now(), startedAt: Number(report.startedAt) - minute }
    expect(await collector.use({ ...report, ...newer, sentAt: Date.now() })).toBe(204)
    const after = await collector.findLive(report.session)
    expect(readStoredTime(after?.last_access_at)).toBeGreaterThan(readStoredTime(before?.last_access_at))
    expect(readStoredTime(after?.started_at)).toBeLessThan(readStoredTime(before?.started_at))
    expect(after?.registered_at).toEqual(before?.registered_at)
  })

  test('changes nothing when a report is repeated', async () => {
    const report = createActivity()
    await collector.use(report)
    const before = await collector.findLive(report.session)
    expect(await collector.use({ ...report, sentAt: Date.now() })).toBe(204)
    expect(await collector.findLive(report.session)).toEqual(before)
  })

  test('uses the clock of the collector, however wrong the clock of the browser is', async () => {
    const hour = 60 * minute
    const report = createActivity()
    const times = { lastAccessAt: Date.now() - minute + hour, sentAt: Date.now() + hour }
    await collector.use({ ...report, ...times })
    expect(Math.abs((await readLastAccess(report.session)) - (Date.now() - minute))).toBeLessThan(2_000)
    // The clock is corrected.
    await collector.use({ ...report, lastAccessAt: Date.now(), sentAt: Date.now() })
    expect(Math.abs((await readLastAccess(report.session)) - Date.now())).toBeLessThan(2_000)
  })

  test('with an alias takes over the session that is stored under its marker alone', async () => {
    const report = createActivity()
    await collector.use({ ...report, session: undefined })
    expect(await collector.findLive(report.marker)).toMatchObject({ session: null })
    expect(await collector.use({ ...report, sentAt: Date.now() })).toBe(204)
    expect(await collector.findLive(report.marker)).toBeUndefined()
    expect(await collector.findLive(report.session)).toMatchObject({ session: report.session })
  })

  test('takes the limits, the user and the sign-in from the ticket', async () => {
    const report = createActivity()
    const ticket = await signTicket({ sid: report.session, sub: 'u_7', idle: 900, abs: 7200 })
    expect(await collector.use({ ...report, subject: 'u_666', ticket })).toBe(204)
    const live = await collector.findLive(report.session)
    expect(live).toMatchObject({
      subject: 'u_7',
      evidence: 'signed',
      idle_timeout_seconds: 900,
      absolute_timeout_seconds: 7200,
    })
    expect(Math.abs(readStoredTime(live?.signed_in_at) - (Date.now() - 60 * minute))).toBeLessThan(2_000)
  })

  test('without a ticket never moves a session that a ticket or a server registered', async () => {
    for (const register of ['ticket', 'server']) {
      const report = createActivity()
      if (register === 'ticket')
        await collector.use({ ...report, ticket: await signTicket({ sid: report.session }) })
      else
        await collector.useByServer({
          session: report.session,
          subject: 'u_42',
          lastAccessAt: report.lastAccessAt,
        })
      const before = await collector.findLive(report.session)
      const forged = { marker: randomUUID(), subject: 'u_666', lastAccessAt: Date.now(), sentAt: Date.now() }
      expect(await collector.use({ ...report, ...forged })).toBe(204)
      expect(await collector.findLive(report.session)).toEqual(before)
    }
  })

  test('accepts a ticket after its expiry only for the session that it registered', async () => {
    const report = createActivity()
    const expired = await signTicket({ sid: report.session, exp: -600 })
    expect(await collector.use({ ...report, ticket: expired })).toBe(401)
    await collector.use({ ...report, ticket: await signTicket({ sid: report.session }) })
    const later = { lastAccessAt: Date.now(), sentAt: Date.now(), ticket: expired }
    expect(await collector.use({ ...report, ...later })).toBe(204)
    expect(Math.abs((await readLastAccess(report.session)) - Date.now())).toBeLessThan(2_000)
    const ofAnother = await signTicket({ sid: report.session, sub: 'u_666', exp: -600 })
    expect(await collector.use({ ...report, ...later, ticket: ofAnother })).toBe(401)
    expect(await collector.use({ ...report, ...later, ticket: `${expired}x` })).toBe(401)
  })

  test('from a server may leave out the times and the marker', async () => {
    const session = randomUUID()
    expect(await collector.useByServer({ session })).toBe(204)
    expect(await collector.findLive(session)).toMatchObject({
      evidence: 'server',
      marker: null,
      started_at: null,
    })
    expect(Math.abs((await readLastAccess(session)) - Date.now())).toBeLessThan(2_000)
  })

  test.each<[string, Record<string, unknown>, string[]]>([
    ['a last access after the sending', { lastAccessAt: Date.now() + 62 * minute }, ['#/lastAccessAt']],
    ['a start after the last access', { startedAt: Date.now() + 10 * minute }, ['#/startedAt']],
    [
      'times in seconds',
      { lastAccessAt: 1_767_340_800, sentAt: 1_767_340_800 },
      ['#/lastAccessAt', '#/sentAt'],
    ],
    [
      'a last access over 400 days ago',
      { lastAccessAt: Date.now() - 401 * 1440 * minute, startedAt: Date.now() - 401 * 1440 * minute },
      ['#/lastAccessAt', '#/startedAt'],
    ],
    ['a negative heartbeat', { heartbeatSeconds: -1 }, ['#/heartbeatSeconds']],
    [
      'no marker and no times',
      { marker: null, startedAt: null, lastAccessAt: null, sentAt: null },
      ['#/lastAccessAt', '#/marker', '#/sentAt', '#/startedAt'],
    ],
  ])('refuses %s', async (_, changes, pointers) => {
    const report = createActivity(changes)
    const response = await collector.postActivity(report)
    expect(response.status).toBe(422)
    const { errors } = await response.json()
    expect(errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers)
    expect(await collector.findLive(report.session)).toBeUndefined()
  })

  test('refuses a last access before the sign-in that the ticket states', async () => {
    const report = createActivity()
    const ticket = await signTicket({ sid: report.session, iat: 0 })
    const times = { startedAt: Date.now() - 5 * minute, lastAccessAt: Date.now() - 5 * minute }
    expect(await collector.use({ ...report, ...times, ticket })).toBe(422)
  })

  test('refuses whoever may not report', async () => {
    const report = createActivity()
    const status = async (changes: object, headers?: Record<string, string>) =>
      (await collector.postActivity({ ...report, ...changes }, headers)).status
    expect(await status({}, { Origin: 'https://evil.example' })).toBe(403)
    expect(await status({ site: 'unknown' })).toBe(404)
    expect(await status({ site: 'signed' })).toBe(401)
    expect(await status({ ticket: 'x.y.z' })).toBe(401)
    expect(await status({}, { Authorization: 'Bearer x' })).toBe(401)
    const reader = await issueToken(collector.store, { scope: 'read' })
    expect(await status({}, { Authorization: `Bearer ${reader.token}` })).toBe(403)
    const bound = await issueToken(collector.store, { scope: 'write', site: 'signed' })
    expect(await status({}, { Authorization: `Bearer ${bound.token}` })).toBe(403)
    expect(await collector.findLive(report.session)).toBeUndefined()
  })

  test('counts confirmed reports in the metrics', async () => {
    await collector.use(createActivity())
    const metrics = await (await fetch(`${collector.url}/metrics`)).text()
    expect(metrics).toMatch(/lapse_activity_reports_total\{site="acme"\} [1-9]/)
  })
})
