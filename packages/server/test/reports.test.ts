import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

describe('Activity', () => {
  test('of many sessions is sent in few requests', async () => {
    const lapse = environment.createLapse()
    for (let user = 0; user < 1200; user++) lapse.active({ subject: user, session: `s${user}` })
    await expect.poll(environment.countLiveSessions).toBe(1200)
    expect(environment.proxy.requests.length).toBeLessThanOrEqual(4)
    await expect
      .poll(() => lapse.health())
      .toMatchObject({ status: 'ok', queued: 0, reported: 1200, dropped: 0 })
  })

  test('of one session is sent at once, and then only its last access at the end of each interval', async () => {
    const lapse = environment.createLapse({ heartbeatSeconds: 1 })
    const session = lapse.createSession('u_42')
    let lastAccessAt = 0
    for (let request = 0; request < 30; request++) {
      lastAccessAt = Date.now()
      lapse.active({ ...session, lastAccessAt })
      await sleep(50)
    }
    await sleep(1500)
    const reports = environment.proxy.readReports('/v1/activity')
    // 1.5 seconds: the first access, the last one of the first interval, and the last one of all.
    expect(reports).toHaveLength(3)
    expect(reports.at(-1)).toMatchObject({ ...session, lastAccessAt, heartbeatSeconds: 1 })
  })

  test('of a session that has ended goes before its end, so that the row has the last access', async () => {
    const lapse = environment.createLapse()
    const session = lapse.createSession('u_42')
    lapse.active(session)
    await sleep(20)
    lapse.active(session)
    lapse.ended({ ...session, reason: 'revoked' })
    const [row] = await environment.waitForRows(1)
    expect(row).toMatchObject({ reason: 'revoked', subject: 'u_42', evidence: 'server' })
    expect(environment.proxy.requests.map(({ path }) => path)).toEqual(['/v1/activity', '/v1/lapses'])
    const [activity] = environment.proxy.readReports('/v1/activity')
    expect(activity?.lastAccessAt).toBeGreaterThanOrEqual(session.startedAt + 20)
  })

  test('states the own idle timeout of a session, so that the sweep goes by it', async () => {
    const lapse = environment.createLapse({ heartbeatSeconds: 0.1 })
    const session = lapse.createSession('u_42')
    lapse.active({ ...session, idleTimeoutSeconds: 1 })
    lapse.active(lapse.createSession('u_43'))
    const [row] = await environment.waitForRows(1)
    expect(row).toMatchObject({ subject: 'u_42', reason: 'idle_timeout', idle_timeout_seconds: 1 })
  })
})

describe("A session's own idle timeout", () => {
  test.each([
    { fault: 'there is no key', options: { ticketSecret: undefined }, subject: 'u_42' },
    { fault: 'the user is unknown', options: {}, subject: undefined },
  ])(
    'is an error, and nothing is reported, if $fault: the site’s limit would be wrong',
    ({ options, subject }) => {
      const lapse = environment.createLapse(options)
      lapse.active({ session: 'a1f', subject, idleTimeoutSeconds: 604_800 })
      expect(lapse.errors).toMatchObject([{ code: 'invalid_report' }])
      expect(lapse.health().queued).toBe(0)
    },
  )

  test('also judges an end without a reason', async () => {
    const lapse = environment.createLapse()
    const lastAccessAt = Date.now() - 3_600_000
    lapse.ended({
      session: 'a1f',
      subject: 'u_42',
      startedAt: lastAccessAt,
      lastAccessAt,
      idleTimeoutSeconds: 604_800,
    })
    expect(await environment.waitForRows(1)).toMatchObject([
      { reason: 'ended_early', idle_timeout_seconds: 604_800 },
    ])
  })
})

describe('An end', () => {
  test('without a reason is judged by its times', async () => {
    const lapse = environment.createLapse()
    const lastAccessAt = new Date(Date.now() - 3_600_000)
    lapse.ended({ session: 'a1f', subject: 'u_42', startedAt: lastAccessAt, lastAccessAt })
    expect(await environment.waitForRows(1)).toMatchObject([
      { reason: 'idle_timeout', idle_timeout_seconds: 1800 },
    ])
  })

  test('of all sessions of a user comes after their last activity', async () => {
    const lapse = environment.createLapse()
    const session = lapse.createSession('u_42')
    lapse.active(session)
    await sleep(20)
    const lastAccessAt = Date.now()
    lapse.active({ ...session, lastAccessAt })
    lapse.endedAll({ subject: 'u_42', reason: 'revoked' })
    const [row] = await environment.waitForRows(1)
    expect(environment.proxy.readReports('/v1/activity').at(-1)).toMatchObject({ lastAccessAt })
    expect(row).toMatchObject({ session: session.session, reason: 'revoked' })
  })

  test('of all sessions of a user does not end the session that the user starts after it', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse()
    const [before, after] = [lapse.createSession('u_42'), lapse.createSession('u_42')]
    lapse.active(before)
    lapse.endedAll({ subject: 'u_42', reason: 'revoked' })
    lapse.active(after)
    await expect.poll(() => lapse.errors.length).toBe(1)
    environment.proxy.fail(undefined)
    expect(await environment.waitForRows(1)).toMatchObject([{ session: before.session, reason: 'revoked' }])
    await expect
      .poll(async () => environment.collector.database.sql('session_live'))
      .toMatchObject([{ session_key: after.session }])
  })

  test('of all sessions of a user spares the exception', async () => {
    const lapse = environment.createLapse()
    const sessions = [1, 2, 3].map(() => lapse.createSession('u_42'))
    for (const session of sessions) lapse.active(session)
    lapse.endedAll({ subject: 'u_42', reason: 'revoked', except: sessions[2]?.session })
    const rows = await environment.waitForRows(2)
    const aliases = rows.map(({ session }) => session)
    expect(aliases.sort()).toEqual(
      sessions
        .slice(0, 2)
        .map(({ session }) => session)
        .sort(),
    )
    expect(await environment.countLiveSessions()).toBe(1)
  })
})

describe('A value that is wrong', () => {
  test.each([
    { fault: 'no alias', make: (lapse: Lapse) => lapse.active({ session: '' }), message: /^session/ },
    { fault: 'nothing', make: (lapse: Lapse) => lapse.active(undefined as never), message: /undefined/ },
    {
      fault: 'a time in seconds',
      make: (lapse: Lapse) => lapse.active({ session: 'a', lastAccessAt: 1_767_346_200 }),
      message: /seconds/,
    },
    {
      fault: 'an unknown reason',
      make: (lapse: Lapse) => lapse.ended({ session: 'a', reason: 'bored' as never }),
      message: /^reason is "bored"/,
    },
    {
      fault: 'neither reason nor time',
      make: (lapse: Lapse) => lapse.ended({ session: 'a' }),
      message: /both missing/,
    },
    {
      fault: 'a subject alone',
      make: (lapse: Lapse) => lapse.ended({ subject: 'u_42' } as never),
      message: /^reason and lastAccessAt are both missing/,
    },
    { fault: 'null', make: (lapse: Lapse) => lapse.ended(null as never), message: /null/ },
  ])('($fault) becomes an error that is not thrown, and no report', async ({ make, message }) => {
    const lapse = environment.createLapse()
    expect(() => make(lapse)).not.toThrow()
    expect(lapse.errors).toHaveLength(1)
    expect(lapse.errors[0]?.message).toMatch(message)
    expect(lapse.health().queued).toBe(0)
  })
})
type Lapse = ReturnType<Environment['createLapse']>
