import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('The end of a live session, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
  })
  afterAll(() => collector.end())

  const now = () => Date.now()
  /** Makes the activity later, as a browser does whose user goes on. */
  const use = (activity: object, lastAccessAt: number) =>
    collector.use({ ...activity, lastAccessAt, sentAt: now() })
  const readLogouts = (session: unknown) =>
    collector.database.sql('session_logout').where({ session_key: String(session) })

  test('is judged by the later last access, and removes the live session', async () => {
    const activity = createActivity({ lastAccessAt: now() - 5 * minute })
    await collector.use(activity)
    const end = createEnd(activity, { lastAccessAt: now() - 40 * minute })
    expect(await collector.endSession(end)).toMatchObject({ status: 201, body: { reason: 'ended_early' } })
    expect(await collector.findLive(activity.session)).toBeUndefined()
    const [row] = await collector.findRows(activity.session)
    expect(Math.abs(readStoredTime(row?.last_access_at) - Number(activity.lastAccessAt))).toBeLessThan(2_000)
  })

  test('is judged by its own last access, if the evidence of the live session is weaker', async () => {
    const activity = createActivity({ lastAccessAt: now() - 5 * minute })
    await collector.use(activity)
    const ticket = await signTicket({ sid: activity.session })
    const end = createEnd(activity, { lastAccessAt: now() - 40 * minute, ticket })
    expect(await collector.endSession(end)).toMatchObject({ status: 201, body: { reason: 'idle_timeout' } })
  })

  test('is not recorded if the session was used afterwards', async () => {
    const activity = createActivity()
    await collector.use(activity)
    const end = createEnd(activity, { lastAccessAt: now() - 10 * minute, detectedAt: now() - 5 * minute })
    expect(await collector.endSession(end)).toMatchObject({
      status: 200,
      body: { id: null, recorded: false },
    })
    expect(await collector.findRows(activity.session)).toEqual([])
    expect(await collector.findLive(activity.session)).toBeDefined()
  })

  test('is recorded although weaker evidence shows a later use', async () => {
    const activity = createActivity()
    await collector.use(activity)
    const ended = { reason: 'revoked', lastAccessAt: now() - 10 * minute, detectedAt: now() - 5 * minute }
    expect(await collector.endSessionByServer({ session: activity.session, ...ended })).toMatchObject({
      status: 201,
    })
    expect(await collector.findLive(activity.session)).toBeUndefined()
  })

  test('is not reached by contradictory times', async () => {
    const activity = createActivity()
    await collector.use(activity)
    const end = createEnd(activity, { lastAccessAt: now() + 10 * minute })
    expect(await collector.endSession(end)).toMatchObject({ status: 201, body: { reason: 'clock_anomaly' } })
    expect(await collector.findLive(activity.session)).toBeDefined()
  })

  test('from a server without a last access uses that of the live session', async () => {
    const activity = createActivity({ lastAccessAt: now() - 10 * minute })
    await collector.use(activity)
    const answer = await collector.endSessionByServer({ session: activity.session, reason: 'logout' })
    expect(answer).toMatchObject({ status: 201, body: { reason: 'logout' } })
    expect(Math.abs(Number(answer.body.elapsedMs) - 10 * minute)).toBeLessThan(5_000)
  })

  test('from a server without a last access is the timeout, if a limit had passed', async () => {
    const activity = createActivity({ lastAccessAt: now() - 31 * minute })
    await collector.use(activity)
    const answer = await collector.endSessionByServer({ session: activity.session, reason: 'revoked' })
    expect(answer.body).toMatchObject({ reason: 'idle_timeout' })
  })

  test('by a logout that is not recorded is remembered, and stops a late heartbeat', async () => {
    const activity = createActivity()
    await collector.use(activity)
    const logout = createEnd(activity, { detectedBy: 'logout', detectedAt: now() - 30_000 })
    const first = await collector.endSession(logout)
    expect(first).toMatchObject({ status: 200, body: { id: null, reason: 'logout', recorded: false } })
    expect(await collector.findLive(activity.session)).toBeUndefined()
    expect(await readLogouts(activity.session)).toMatchObject([{ evidence: 'self_reported' }])

    expect(await use(activity, now() - 31_000)).toBe(204)
    expect(await collector.findLive(activity.session)).toBeUndefined()
    expect((await collector.endSession(logout)).body).toMatchObject({ reason: 'logout', recorded: false })
    expect(await use(activity, now())).toBe(204)
    expect(await collector.findLive(activity.session)).toMatchObject({ resumes: null })
  })

  test('by a logout is recorded on a site that records logouts', async () => {
    const activity = createActivity({ site: 'recording' })
    await collector.use(activity)
    const logout = createEnd(activity, { detectedBy: 'logout' })
    expect(await collector.endSession(logout)).toMatchObject({ status: 201, body: { reason: 'logout' } })
    expect(await readLogouts(activity.session)).toEqual([])
  })

  test('stops older activity, and later activity of weaker evidence', async () => {
    const activity = createActivity()
    const ticket = await signTicket({ sid: activity.session })
    await collector.endSession(createEnd(activity, { ticket }))
    expect(await collector.use({ ...activity, ticket })).toBe(204)
    expect(await use(activity, now())).toBe(204)
    expect(await collector.findLive(activity.session)).toBeUndefined()
    expect(await use({ ...activity, ticket }, now())).toBe(204)
    expect(await collector.findLive(activity.session)).toMatchObject({ evidence: 'signed' })
  })

  test('is superseded by the next end, once the session was used again', async () => {
    const activity = createActivity({ lastAccessAt: now() - 40 * minute })
    const { body: first } = await collector.endSession(createEnd(activity))
    expect(await use(activity, now() - minute)).toBe(204)
    expect(await collector.findLive(activity.session)).toMatchObject({ resumes: first.id })
    const second = await collector.endSession(createEnd(activity))
    expect(second).toMatchObject({ status: 201, body: { reason: 'ended_early', duplicate: false } })
    expect(await collector.findRows(activity.session)).toMatchObject([
      { id: first.id, revision: 1, supersedes: null },
      { id: second.body.id, revision: 2, supersedes: first.id },
    ])
    expect(await collector.findLive(activity.session)).toBeUndefined()
  })

  test('with an expired ticket is accepted only for a session that a ticket registered', async () => {
    const activity = createActivity({ site: 'signed' })
    const claims = { iss: 'signed', sid: activity.session }
    const expired = createEnd(activity, { ticket: await signTicket({ ...claims, exp: -600 }) })
    expect((await collector.endSession(expired)).status).toBe(401)
    await collector.use({ ...activity, ticket: await signTicket(claims) })
    expect(await collector.endSession(expired)).toMatchObject({ status: 201 })
    expect(await collector.endSession(expired)).toMatchObject({ status: 200, body: { duplicate: true } })
    expect(await collector.findRows(activity.session)).toMatchObject([{ evidence: 'signed' }])
  })

  test('of one tab leaves the session of another tab alone', async () => {
    const [first, second] = [createActivity(), createActivity()]
    await collector.use(first)
    await collector.use(second)
    await collector.endSession(createEnd(first))
    expect(await collector.findLive(second.session)).toBeDefined()
    expect(await collector.findRows(second.session)).toEqual([])
  })
})
