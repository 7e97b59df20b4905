import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { readStoredTime, toStoredTime } from '../../../../test/databases.ts'
import { issueToken } from '../support/collector.ts'
import { createLiveRow } from '../support/liveRows.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('A report with the marker alone, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server, { sweep: { everySeconds: 1 } })
  })
  afterAll(() => collector.end())

  const withoutAlias = (report: Readonly<Record<string, unknown>>, changes: object = {}) => ({
    ...report,
    session: undefined,
    sentAt: Date.now(),
    ...changes,
  })
  const findLiveByMarker = (marker: unknown) =>
    collector.database.sql('session_live').where({ marker: String(marker) })
  const findRowsByMarker = (marker: unknown) =>
    collector.database
      .sql('session_audit')
      .where({ marker: String(marker) })
      .orderBy('id')

  test('moves the session that is stored under its alias', async () => {
    const report = createActivity()
    await collector.use(report)
    expect(await collector.use(withoutAlias(report, { lastAccessAt: Date.now() }))).toBe(204)
    const live = await findLiveByMarker(report.marker)
    expect(live).toMatchObject([{ session_key: report.session, session: report.session }])
    expect(Math.abs(readStoredTime(live[0].last_access_at) - Date.now())).toBeLessThan(2_000)
  })

  test('changes nothing if it was delayed until the alias took over', async () => {
    const report = createActivity()
    await collector.use(withoutAlias(report))
    await collector.use({ ...report, lastAccessAt: Date.now(), sentAt: Date.now() })
    const before = await findLiveByMarker(report.marker)
    expect(await collector.use(withoutAlias(report))).toBe(204)
    expect(await findLiveByMarker(report.marker)).toEqual(before)
    expect(before).toMatchObject([{ session_key: report.session }])
  })

  test('finds the session also after a server reported it without the marker', async () => {
    const report = createActivity()
    await collector.use(report)
    await collector.useByServer({ session: report.session })
    await collector.use(withoutAlias(report, { lastAccessAt: Date.now() }))
    expect(await collector.findLive(report.session)).toMatchObject({ evidence: 'server' })
    expect(await collector.findLive(report.marker)).toBeUndefined()
  })

  test('and without a ticket never moves a session that a ticket registered', async () => {
    const report = createActivity()
    await collector.use({ ...report, ticket: await signTicket({ sid: report.session }) })
    const before = await findLiveByMarker(report.marker)
    expect(await collector.use(withoutAlias(report, { lastAccessAt: Date.now() }))).toBe(204)
    expect(await findLiveByMarker(report.marker)).toEqual(before)
    expect(before).toHaveLength(1)
  })

  test('and with a ticket does not belong to a session whose alias somebody else has claimed', async () => {
    const [ticket, alias] = [await signTicket({ sub: 'u_42' }), `alias-${randomUUID()}`]
    const activity = createActivity()
    const report = withoutAlias(activity, { ticket })
    const stranger = { ...report, ticket: undefined, session: alias, subject: undefined }
    await collector.use(report)
    await collector.use(stranger)
    expect(await collector.findLive(activity.marker)).toMatchObject({ evidence: 'signed', session: null })
    expect(await collector.findLive(alias)).toMatchObject({ evidence: 'self_reported' })
    await collector.endSession(createEnd(report))
    expect(await collector.findRows(activity.marker)).toMatchObject([
      { evidence: 'signed', session: null, subject: 'u_42' },
    ])
    expect(await collector.findRows(alias)).toEqual([])
  })

  test('of a server is about the session with the strongest evidence, whoever claims an alias later', async () => {
    const report = createActivity()
    await collector.use({ ...report, ticket: await signTicket({ sid: report.session }) })
    const stranger = createActivity({ marker: report.marker, lastAccessAt: Date.now(), subject: undefined })
    await collector.use(stranger)
    await collector.endSessionByServer({ marker: report.marker, reason: 'revoked' })
    expect(await collector.findLive(report.session)).toBeUndefined()
    expect(await collector.findRows(report.session)).toMatchObject([{ reason: 'revoked', subject: 'u_42' }])
    expect(await collector.findRows(stranger.session)).toEqual([])
  })

  test('has its timeout under the marker, whoever claims an alias or a logout for that', async () => {
    const [marker, alias] = [randomUUID(), `alias-${randomUUID()}`]
    const row = createLiveRow(collector.database.sql, {
      ...{ marker, session_key: marker, session: null, evidence: 'signed' },
      ...{ due_ms: 3_000, wait_ms: 0 },
    })
    await collector.database.sql('session_live').insert(row)
    const stranger = createActivity({ marker, session: alias, subject: undefined })
    await collector.use(stranger)
    await collector.endSession(createEnd({ ...stranger, session: randomUUID() }, { detectedBy: 'logout' }))
    await vi.waitFor(async () => expect(await collector.findRows(marker)).toHaveLength(1), 20_000)
    expect(await collector.findRows(marker)).toMatchObject([{ evidence: 'signed', subject: 'u_42' }])
    expect(await collector.findLive(alias)).toMatchObject({ evidence: 'self_reported' })
  })

  test('under which a session is live does not make an ended session live again', async () => {
    const report = createActivity()
    await collector.endSession(createEnd({ ...report, ticket: await signTicket({ sid: report.session }) }))
    const other = { ...createActivity({ lastAccessAt: Date.now() }), session: report.session }
    await collector.use(withoutAlias(other))
    expect(await collector.use(other)).toBe(204)
    expect(await collector.findLive(report.session)).toBeUndefined()
  })

  test('whose row was continued under the alias is corrected by a server that names only the alias', async () => {
    const report = createActivity({ lastAccessAt: Date.now() - 40 * minute })
    const { body } = await collector.endSession(createEnd(withoutAlias(report)))
    await collector.use({ ...report, lastAccessAt: Date.now(), sentAt: Date.now() })
    await collector.endSessionByServer({ session: report.session, reason: 'revoked' })
    expect(await collector.findRows(report.session)).toMatchObject([
      { reason: 'revoked', revision: 2, supersedes: body.id },
    ])
  })

  test('belongs to another session if it names another user', async () => {
    const report = createActivity()
    await collector.use(report)
    const before = await collector.findLive(report.session)
    const other = withoutAlias(report, { subject: 'u_666', lastAccessAt: Date.now() })
    expect(await collector.use(other)).toBe(204)
    expect(await collector.endSession(createEnd(other))).toMatchObject({ status: 201 })
    expect(await collector.findLive(report.session)).toEqual(before)
    expect(await findRowsByMarker(report.marker)).toMatchObject([
      { session_key: report.marker, subject: 'u_666' },
    ])
  })

  test('ends the session that is stored under its alias', async () => {
    const report = createActivity({ lastAccessAt: Date.now() - 40 * minute })
    await collector.use(report)
    const older = createEnd(withoutAlias(report), { lastAccessAt: Date.now() - 50 * minute })
    expect(await collector.endSession(older)).toMatchObject({
      status: 201,
      body: { reason: 'idle_timeout', duplicate: false },
    })
    expect(await findLiveByMarker(report.marker)).toEqual([])
    const rows = await findRowsByMarker(report.marker)
    expect(rows).toMatchObject([{ session_key: report.session, session: report.session }])
    expect(Math.abs(readStoredTime(rows[0].last_access_at) - Number(report.lastAccessAt))).toBeLessThan(2_000)
  })

  test('is a duplicate once the end is recorded under the alias', async () => {
    const report = createEnd(createActivity({ lastAccessAt: Date.now() - 40 * minute }))
    const { body } = await collector.endSession(report)
    expect(await collector.endSession(withoutAlias(report))).toMatchObject({
      status: 200,
      body: { id: body.id, duplicate: true },
    })
    expect(await findRowsByMarker(report.marker)).toHaveLength(1)
  })

  test('corrects the row under the alias if the session was used later', async () => {
    const report = createEnd(createActivity({ lastAccessAt: Date.now() - 40 * minute }))
    const { body } = await collector.endSession(report)
    const later = withoutAlias(report, { lastAccessAt: Date.now() - 35 * minute })
    expect(await collector.endSession(later)).toMatchObject({ status: 201, body: { duplicate: false } })
    expect(await collector.findRows(report.session)).toMatchObject([
      { revision: 1 },
      { revision: 2, supersedes: body.id },
    ])
  })

  test('makes nothing live after the end or the logout of its session', async () => {
    for (const detectedBy of ['login_page', 'logout']) {
      const report = createActivity()
      await collector.use(report)
      await collector.endSession(createEnd(report, { detectedBy }))
      const late = withoutAlias(report, { lastAccessAt: Number(report.lastAccessAt) + 5_000 })
      expect(await collector.use(late)).toBe(204)
      expect(await findLiveByMarker(report.marker)).toEqual([])
    }
  })

  test('makes an ended session live again under its alias', async () => {
    const report = createActivity({ lastAccessAt: Date.now() - 10 * minute })
    await collector.endSession(createEnd(report))
    await collector.use(withoutAlias(report, { lastAccessAt: Date.now() }))
    expect(await findLiveByMarker(report.marker)).toMatchObject([{ session_key: report.session }])
  })

  test('is decided after the reports before it in the same batch', async () => {
    const [first, second] = [createActivity(), createActivity()]
    const server = { Authorization: `Bearer ${collector.token}` }
    const ends = [
      { ...createEnd(second), detectedBy: 'server', reason: 'revoked' },
      { ...createEnd(withoutAlias(second)), detectedBy: 'server', reason: 'revoked' },
    ]
    await collector.postActivity([first, withoutAlias(first, { lastAccessAt: Date.now() })], server)
    expect(await findLiveByMarker(first.marker)).toMatchObject([{ session_key: first.session }])
    await collector.post(ends, server)
    expect(await findRowsByMarker(second.marker)).toMatchObject([{ session_key: second.session }])
  })

  test('that two collectors stored at once is removed by the sweep without a row', async () => {
    const { sql } = collector.database
    const [marker, session] = [randomUUID(), randomUUID()]
    const used = (msAgo: number) => toStoredTime(sql, Date.now() - msAgo)
    const shared = { marker, wait_ms: 0 }
    const alias = { session_key: session, session, due_ms: 60_000, last_access_at: used(40 * minute) }
    await sql('session_live').insert([
      createLiveRow(sql, { ...shared, ...alias }),
      createLiveRow(sql, {
        ...shared,
        session_key: marker,
        session: null,
        due_ms: -1000,
        last_access_at: used(31 * minute),
      }),
    ])
    await vi.waitFor(async () => expect(await findLiveByMarker(marker)).toHaveLength(1), 20_000)
    const [live] = await findLiveByMarker(marker)
    expect(live.session_key).toBe(session)
    expect(Math.abs(readStoredTime(live.last_access_at) - (Date.now() - 31 * minute))).toBeLessThan(20_000)
    expect(await findRowsByMarker(marker)).toEqual([])
  })

  test('under which a session is live is no timeout once the end is recorded under the alias', async () => {
    const [marker, session] = [randomUUID(), randomUUID()]
    const row = createLiveRow(collector.database.sql, {
      marker,
      session_key: marker,
      session: null,
      due_ms: 3_000,
      wait_ms: 0,
    })
    const end = createEnd(createActivity({ marker, session }), { lastAccessAt: Date.now() - 1_806_000 })
    await collector.endSession(end)
    await collector.database.sql('session_live').insert(row)
    await vi.waitFor(async () => expect(await findLiveByMarker(marker)).toEqual([]), 20_000)
    expect(await findRowsByMarker(marker)).toMatchObject([
      { session_key: session, detected_by: 'login_page' },
    ])
  })

  test('whose row is continued under the alias shows that the session is live again', async () => {
    const { token } = await issueToken(collector.store)
    const report = createActivity({ lastAccessAt: Date.now() - 40 * minute })
    const { body } = await collector.endSession(createEnd(withoutAlias(report)))
    await collector.use({ ...report, lastAccessAt: Date.now(), sentAt: Date.now() })
    expect(await collector.findLive(report.session)).toBeDefined()
    const response = await fetch(`${collector.url}/v1/lapses/${body.id}`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    const { resumedAt } = await response.json()
    expect(Math.abs(Date.parse(resumedAt) - Date.now())).toBeLessThan(5_000)
  })
})
