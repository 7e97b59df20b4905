import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { issueToken, origin } from '../support/collector.ts'
import { createLiveRow } from '../support/liveRows.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('A server, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
  })
  afterAll(() => collector.end())

  async function post(
    path: string,
    body: unknown,
    token = collector.token,
    headers: Record<string, string> = {},
  ) {
    const response = await fetch(collector.url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }
  const createReports = (count: number) =>
    Array.from({ length: count }, () => ({ site: 'acme', session: randomUUID(), subject: 'u_42' }))
  const countLive = async () =>
    Number((await collector.database.sql('session_live').count({ count: '*' }))[0]?.count)

  test('may report the activity of up to 500 sessions at once', async () => {
    const before = await countLive()
    const answer = await post('/v1/activity', createReports(500))
    expect(answer).toEqual({ status: 200, body: { accepted: 500, rejected: [] } })
    expect(await countLive()).toBe(before + 500)
    expect((await post('/v1/activity', createReports(501))).status).toBe(422)
    expect(await post('/v1/activity', [])).toEqual({ status: 200, body: { accepted: 0, rejected: [] } })
    expect(await countLive()).toBe(before + 500)
  })

  test('learns which reports of an array were rejected, and why', async () => {
    const [valid] = createReports(1)
    const { status, body } = await post('/v1/activity', [
      { site: 'acme' },
      valid,
      { ...valid, lastAccessAt: 1 },
      { ...valid, site: 'unknown' },
      { ...valid, ticket: 'x' },
      null,
    ])
    expect({ status, accepted: body.accepted }).toEqual({ status: 200, accepted: 1 })
    const found = body.rejected.map(
      ({ index, errors }: { index: number; errors: { pointer: string }[] }) => ({
        index,
        pointers: errors.map(({ pointer }) => pointer),
      }),
    )
    expect(found).toEqual([
      { index: 0, pointers: ['#/session'] },
      { index: 2, pointers: ['#/lastAccessAt'] },
      { index: 3, pointers: ['#/site'] },
      { index: 4, pointers: ['#/ticket'] },
      { index: 5, pointers: ['#'] },
    ])
    expect(await collector.findLive(valid?.session)).toBeDefined()
  })

  test('may report ends in an array, which are recorded in their order', async () => {
    const [first, second] = createReports(2)
    const { body } = await post('/v1/lapses', [
      { ...first, reason: 'logout' },
      { ...second, lastAccessAt: Date.now() - 40 * minute },
      { ...first, reason: 'revoked', lastAccessAt: Date.now() },
      second,
    ])
    expect(body).toMatchObject({ accepted: 3, rejected: [{ index: 3, errors: [{ pointer: '#/reason' }] }] })
    expect(await collector.findRows(second?.session)).toMatchObject([{ reason: 'idle_timeout' }])
    expect(await collector.findRows(first?.session)).toMatchObject([{ reason: 'logout', revision: 1 }])
  })

  test('may send 256 KiB, but only with a valid token', async () => {
    const filler = { padding: 'x'.repeat(600) }
    const body = JSON.stringify(createReports(300).map((report) => ({ ...report, ...filler })))
    expect(body.length).toBeGreaterThan(200 * 1024)
    expect(await post('/v1/activity', body)).toMatchObject({ status: 200, body: { accepted: 300 } })
    expect((await post('/v1/activity', body, 'invalid')).status).toBe(401)
    expect((await post('/v1/activity', `${body.slice(0, -1)},{"x":"${'x'.repeat(60_000)}"}]`)).status).toBe(
      413,
    )
    const fromBrowser = await collector.postActivity(body, { Origin: origin })
    expect(fromBrowser.status).toBe(413)
  })

  test('gets one error for an array if its token does not permit reports', async () => {
    const reader = await issueToken(collector.store, { scope: 'read' })
    expect((await post('/v1/activity', createReports(2), reader.token)).status).toBe(403)
    expect((await post('/v1/lapses', createReports(2), 'invalid')).status).toBe(401)
    const bound = await issueToken(collector.store, { scope: 'write', site: 'signed' })
    const { body } = await post('/v1/activity', createReports(1), bound.token)
    expect(body).toMatchObject({ accepted: 0, rejected: [{ errors: [{ pointer: '#/site' }] }] })
  })

  test('is the only one who may send an array', async () => {
    for (const path of ['/v1/activity', '/v1/lapses']) {
      const response = await fetch(collector.url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'text/plain', Origin: origin },
        body: JSON.stringify([createActivity()]),
      })
      expect(response.status).toBe(422)
    }
  })

  test('learns that the end of all sessions of a user cannot be part of an array', async () => {
    const { status, body } = await post('/v1/lapses', [{ site: 'acme', subject: 'u_42', reason: 'revoked' }])
    expect(status).toBe(200)
    expect(body).toMatchObject({
      accepted: 0,
      rejected: [{ index: 0, errors: [{ pointer: '#/session', detail: expect.stringMatching(/alone$/) }] }],
    })
  })

  test('can end more sessions of a user than may wait at once, while others report', async () => {
    const subject = randomUUID()
    const rows = Array.from({ length: 10_500 }, () =>
      createLiveRow(collector.database.sql, { subject, due_ms: 20 * minute }),
    )
    await collector.database.sql.batchInsert('session_live', rows, 500)
    let isAnswered = false
    const answer = post('/v1/lapses', { site: 'acme', subject, reason: 'revoked' }).finally(() => {
      isAnswered = true
    })
    const statuses = new Set<number>()
    while (!isAnswered) statuses.add(await collector.use(createActivity()))
    const { status, body } = await answer
    expect({ status, ended: body.lapses?.length }).toEqual({ status: 201, ended: 10_500 })
    expect(statuses).toEqual(new Set([204]))
    expect(await collector.database.sql('session_live').where({ subject })).toEqual([])
  })

  test('can end all live sessions of a user but one', async () => {
    const subject = randomUUID()
    const [kept, byAlias, byMarker, ofAnother] = [
      createActivity({ subject }),
      createActivity({ subject }),
      createActivity({ subject, session: undefined }),
      createActivity({ subject: `${subject} ` }),
    ]
    for (const activity of [kept, byAlias, byMarker, ofAnother]) await collector.use(activity)
    const { status, body } = await post('/v1/lapses', {
      site: 'acme',
      subject,
      reason: 'revoked',
      except: kept.session,
    })
    expect(status).toBe(201)
    expect(body.lapses).toMatchObject([
      { reason: 'revoked', duplicate: false },
      { reason: 'revoked', duplicate: false },
    ])
    expect(await collector.findRows(byAlias.session)).toMatchObject([
      { subject, evidence: 'server', reason: 'revoked' },
    ])
    expect(await collector.findRows(byMarker.marker)).toMatchObject([{ subject, session: null }])
    for (const live of [kept, ofAnother]) expect(await collector.findLive(live.session)).toBeDefined()
    for (const key of [byAlias.session, byMarker.marker])
      expect(await collector.findLive(key)).toBeUndefined()
    const again = await post('/v1/lapses', { site: 'acme', subject, reason: 'revoked', except: kept.session })
    expect(again).toEqual({ status: 200, body: { lapses: [] } })
  })

  test('ends no session of the user that started after the reported end, so that a late report can be repeated', async () => {
    const subject = randomUUID()
    const now = Date.now()
    const [earlier, later] = [
      createActivity({ subject, startedAt: now - 60_000, lastAccessAt: now }),
      createActivity({ subject, startedAt: now - 10_000, lastAccessAt: now }),
    ]
    for (const activity of [earlier, later]) await collector.use(activity)
    const report = { site: 'acme', subject, reason: 'revoked', detectedAt: now - 30_000, sentAt: now }
    const { body } = await post('/v1/lapses', report)
    expect(body.lapses).toHaveLength(1)
    expect(await collector.findRows(earlier.session)).toMatchObject([{ reason: 'revoked' }])
    expect(await collector.findLive(later.session)).toBeDefined()
  })

  test('needs a token of the site to end the sessions of a user', async () => {
    const activity = createActivity({ subject: randomUUID() })
    await collector.use(activity)
    const report = { site: 'acme', subject: activity.subject, reason: 'revoked' }
    const bound = await issueToken(collector.store, { scope: 'write', site: 'signed' })
    expect((await post('/v1/lapses', report, bound.token)).status).toBe(403)
    expect((await post('/v1/lapses', report, 'invalid')).status).toBe(401)
    expect((await post('/v1/lapses', { ...report, site: 'unknown' })).status).toBe(404)
    expect((await post('/v1/lapses', { ...report, reason: 'ended_early' })).status).toBe(422)
    expect(
      (await post('/v1/lapses', report, collector.token, { Origin: 'https://evil.example' })).status,
    ).toBe(403)
    for (const anonymous of [report, { ...report, detectedBy: 'server' }])
      expect((await collector.post(anonymous)).status).toBe(401)
    expect(await collector.findLive(activity.session)).toBeDefined()
    expect(await collector.endSession(createEnd(activity))).toMatchObject({ status: 201 })
  })
})
