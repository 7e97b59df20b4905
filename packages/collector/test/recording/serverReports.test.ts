import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import type { Token } from '../../src/auth/token.ts'
import {
  createCollector,
  createReport,
  type InProcessCollector,
  issueToken,
  origin,
} from '../support/collector.ts'

describe.each(inject('databaseServers'))('A server with a token, on $name,', (server) => {
  let collector: InProcessCollector
  let write: string
  beforeAll(async () => {
    collector = await createCollector(server)
    write = await createToken()
  })
  afterAll(() => collector.end())

  async function createToken(changes: Partial<Token> = {}): Promise<string> {
    return (await issueToken(collector.store, { scope: 'write', ...changes })).token
  }
  const post = (report: object, token = write) =>
    collector.post(report, { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` })
  const createServerReport = (changes: object = {}) => ({
    site: 'acme',
    detectedBy: 'server',
    session: `alias-${randomUUID()}`,
    ...changes,
  })
  const findRows = async (session: unknown) =>
    (await collector.database.readRows()).filter((row) => row.session_key === session)

  test.each(['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced'])(
    'can name the reason %s',
    async (reason) => {
      const report = createServerReport({ reason, subject: 'u_42' })
      const response = await post(report)
      expect(response.status).toBe(201)
      expect(await response.json()).toMatchObject({ reason, elapsedMs: null, duplicate: false })
      const [row, ...others] = await findRows(report.session)
      expect(others).toEqual([])
      expect(row).toMatchObject({
        reason,
        evidence: 'server',
        detected_by: 'server',
        subject: 'u_42',
        marker: null,
        started_at: null,
        last_access_at: null,
        expired_at: null,
        elapsed_ms: null,
        clock_skew_ms: 0,
        origin: null,
      })
      expect(Math.abs(readStoredTime(row?.detected_at) - Date.now())).toBeLessThan(5000)
    },
  )

  test('may omit detectedBy', async () => {
    const { detectedBy, ...report } = createServerReport({ reason: 'logout' })
    expect((await post(report)).status).toBe(201)
    expect(await findRows(report.session)).toMatchObject([{ evidence: 'server', detected_by: detectedBy }])
  })

  test('is judged by its own clock', async () => {
    const sentAt = Date.now() - 300_000
    const report = createServerReport({ reason: 'revoked', sentAt, lastAccessAt: sentAt - 60_000 })
    expect(await (await post(report)).json()).toMatchObject({ reason: 'revoked', elapsedMs: 60_000 })
    const [row] = await findRows(report.session)
    expect(readStoredTime(row?.detected_at)).toBe(readStoredTime(row?.received_at))
  })

  test('may leave the reason to the times', async () => {
    const now = Date.now()
    const judge = async (changes: object) => (await (await post(createServerReport(changes))).json()).reason
    expect(await judge({ lastAccessAt: now - 31 * 60_000 })).toBe('idle_timeout')
    expect(await judge({ lastAccessAt: now - 60_000, startedAt: now - 43_300_000 })).toBe('absolute_timeout')
    expect(await judge({ lastAccessAt: now - 60_000 })).toBe('ended_early')
    expect(await judge({ lastAccessAt: now - 60_000, detectedAt: now - 130_000 })).toBe('clock_anomaly')
  })

  test('sets expiredAt of a timeout by the last access', async () => {
    const lastAccessAt = Date.now() - 50 * 60_000
    const report = createServerReport({ reason: 'idle_timeout', lastAccessAt })
    await post(report)
    const [row] = await findRows(report.session)
    expect(Math.abs(readStoredTime(row?.expired_at) - (lastAccessAt + 1_800_000))).toBeLessThan(1000)
  })

  test('cannot be overruled by a later report of the browser', async () => {
    const report = createServerReport({ reason: 'logout' })
    await post(report)
    const later = await collector.post(createReport({ session: report.session }))
    expect(later.status).toBe(200)
    expect(await later.json()).toMatchObject({ reason: 'logout', duplicate: true })
    expect(await findRows(report.session)).toHaveLength(1)
  })

  test('may identify a session by its marker', async () => {
    const marker = randomUUID()
    expect((await post(createServerReport({ session: undefined, marker, reason: 'revoked' }))).status).toBe(
      201,
    )
    expect((await collector.post(createReport({ session: undefined, marker }))).status).toBe(200)
    expect(await findRows(marker)).toHaveLength(1)
  })

  test('needs no ticket, even if the site requires one', async () => {
    expect((await post(createServerReport({ site: 'signed', reason: 'revoked' }))).status).toBe(201)
  })

  test('gets a 422 that names every missing field', async () => {
    const response = await post({ site: 'acme', detectedBy: 'server', subject: true })
    expect(response.status).toBe(422)
    const { errors } = await response.json()
    const pointers = errors.map(({ pointer }: { pointer: string }) => pointer)
    expect(pointers.sort()).toEqual(['#/reason', '#/session', '#/subject'])
  })

  test.each([
    [401, 'revoked', { revokedAt: new Date() }],
    [401, 'expired', { expiresAt: new Date(Date.now() - 1000) }],
    [401, 'forged, with another secret', { hash: '0'.repeat(64) }],
    [403, 'for reading', { scope: 'read' }],
    [403, 'for another site', { site: 'signed' }],
  ] as const)('gets %i if its token is %s', async (status, _, changes) => {
    const report = createServerReport({ reason: 'logout' })
    const response = await post(report, await createToken(changes))
    expect(response.status).toBe(status)
    expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : null)
    expect(await findRows(report.session)).toEqual([])
  })

  test('is refused if its request comes from a page of an unknown origin', async () => {
    const headers = { Authorization: `Bearer ${write}`, Origin: 'https://evil.example' }
    expect((await collector.post(createServerReport({ reason: 'logout' }), headers)).status).toBe(403)
    const preflight = await fetch(`${collector.url}/v1/lapses`, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    })
    expect(preflight.headers.get('access-control-allow-headers')).toBe('Content-Type')
  })

  test('cannot change or delete a row, with any method or token', async () => {
    const report = createServerReport({ reason: 'logout' })
    const { id } = await (await post(report)).json()
    const before = await collector.database.readRows()
    const tokens = [write, await createToken({ scope: 'read' })]
    for (const token of tokens)
      for (const method of ['PUT', 'PATCH', 'DELETE'])
        for (const path of ['/v1/lapses', `/v1/lapses/${id}`, `/v1/lapses?session=${report.session}`]) {
          const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
          const body = JSON.stringify({ ...report, id, reason: 'revoked' })
          const response = await fetch(`${collector.url}${path}`, { method, headers, body })
          expect(response.status, `${method} ${path}`).toBe(405)
        }
    expect((await post({ ...report, reason: 'revoked', subject: 'u_8' })).status).toBe(200)
    expect(await collector.database.readRows()).toEqual(before)
  })

  test('does not find its token in the log', async () => {
    await post(createServerReport({ reason: 'logout' }))
    expect(collector.logLines.join('')).not.toContain(write.slice(-20))
  })
})
