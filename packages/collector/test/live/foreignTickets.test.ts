import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('The ticket of another user, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
  })
  afterAll(() => collector.end())

  /** A session of `u_42` that a ticket has registered. */
  async function registerSession() {
    const report = createActivity({ lastAccessAt: Date.now() - 5 * minute })
    await collector.use({ ...report, ticket: await signTicket({ sub: 'u_42', sid: report.session }) })
    return report
  }

  const forge = async (report: object, changes: object = {}) => ({
    ...report,
    marker: randomUUID(),
    ticket: await signTicket({ sub: 'u_666' }),
    lastAccessAt: Date.now(),
    sentAt: Date.now(),
    ...changes,
  })

  test('does not keep a session alive', async () => {
    const report = await registerSession()
    const before = await collector.findLive(report.session)
    expect(await collector.use(await forge(report))).toBe(204)
    expect(await collector.use(await forge(report, { marker: report.marker, session: undefined }))).toBe(204)
    expect(await collector.findLive(report.session)).toEqual(before)
  })

  test('does not end the watch over a session', async () => {
    const report = await registerSession()
    const before = await collector.findLive(report.session)
    for (const detectedBy of ['logout', 'login_page'])
      expect(await collector.endSession(createEnd(await forge(report), { detectedBy }))).toMatchObject({
        status: 200,
        body: { recorded: false, id: null },
      })
    expect(await collector.findLive(report.session)).toEqual(before)
    expect(await collector.findRows(report.session)).toEqual([])
    expect(await collector.database.sql('session_logout')).toEqual([])
  })

  test('does not make an ended session live again', async () => {
    const report = await registerSession()
    const ticket = await signTicket({ sub: 'u_42', sid: report.session })
    await collector.endSession(createEnd({ ...report, ticket }))
    expect(await collector.use(await forge(report))).toBe(204)
    expect(await collector.findLive(report.session)).toBeUndefined()
  })

  test('does not make an ended session live again under a marker that is live', async () => {
    const report = await registerSession()
    const ticket = await signTicket({ sub: 'u_42', sid: report.session })
    await collector.endSession(createEnd({ ...report, ticket }))
    const foreign = await forge({ ...report, session: undefined })
    expect(await collector.use(foreign)).toBe(204)
    expect(await collector.use({ ...foreign, session: report.session })).toBe(204)
    expect(await collector.findLive(report.session)).toBeUndefined()
    expect(await collector.findLive(foreign.marker)).toMatchObject({ subject: 'u_666' })
  })

  test('does not touch the session under a marker, even if it names a session of its own', async () => {
    const { session, ...report } = createActivity({ lastAccessAt: Date.now() - 5 * minute })
    await collector.use({ ...report, ticket: await signTicket({ sub: 'u_42' }) })
    const before = await collector.findLive(report.marker)
    const foreign = await forge(report, {
      marker: report.marker,
      session: `alias-${randomUUID()}`,
      ticket: await signTicket({ sub: 'u_666', sid: `alias-${randomUUID()}` }),
    })
    expect(await collector.use(foreign)).toBe(204)
    expect(await collector.findLive(report.marker)).toEqual(before)
    for (const detectedBy of ['logout', 'login_page'])
      await collector.endSession(createEnd(foreign, { detectedBy }))
    expect(await collector.findLive(report.marker)).toEqual(before)
    expect(
      await collector.database.sql('session_logout').where({ session_key: String(report.marker) }),
    ).toEqual([])
  })

  test('does not let a server end the session of somebody else, whose marker that user has named', async () => {
    const subject = `u_${randomUUID()}`
    const { session: _, ...report } = createActivity({ lastAccessAt: Date.now() - 5 * minute })
    await collector.use({ ...report, ticket: await signTicket({ sub: 'u_42' }) })
    const session = `alias-${randomUUID()}`
    const foreign = {
      marker: report.marker,
      session,
      ticket: await signTicket({ sub: subject, sid: session }),
    }
    expect(await collector.use(await forge(report, foreign))).toBe(204)
    const answer = await collector.endSessionByServer({ subject, reason: 'revoked' })
    expect(answer.body.lapses).toHaveLength(1)
    expect(await collector.findLive(report.marker)).toMatchObject({ subject: 'u_42' })
    expect(await collector.findLive(session)).toBeUndefined()
  })

  test('counts if it names the session, as when an administrator acts as a user', async () => {
    const report = await registerSession()
    const ticket = await signTicket({ sub: 'u_admin', sid: report.session })
    await collector.use({ ...report, ticket, lastAccessAt: Date.now(), sentAt: Date.now() })
    expect(await collector.findLive(report.session)).toMatchObject({ subject: 'u_42' })
    await collector.endSession(createEnd({ ...report, ticket }))
    expect(await collector.findLive(report.session)).toBeUndefined()
  })
})
