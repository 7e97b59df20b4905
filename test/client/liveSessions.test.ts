import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readStoredTime } from '../databases.ts'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { patientTimeoutSeconds } from './environment.ts'
import { createLiveSessions, type LiveEnvironment, startLiveEnvironment } from './liveSessions.ts'
import { readSentTime } from './visitor.ts'

const twoHoursMs = 7_200_000

// The scenarios of all engines run in parallel, because they mostly wait.
describe.concurrent.each(createEngines())('In $name,', (engine) => {
  let env: LiveEnvironment
  beforeAll(async () => {
    env = await startLiveEnvironment()
  })
  afterAll(async () => {
    await engine.stop()
    await env.end()
  })

  const { startSession, resume, freeze, disconnect, work, findLive, findRows, waitForRows, findReturn } =
    createLiveSessions(engine, () => env)

  describe('the timeout of a session', () => {
    test('is recorded by the sweep after its browser is closed, and gets the time of the return', async (context) => {
      const profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      context.onTestFinished(() => rmSync(profile, { recursive: true, force: true }))
      const { user, alias } = await startSession(context, { profile })
      const { lastAccessAt = 0 } = env.hosts.app.findSession(user.subject) ?? {}
      await user.browser.close()
      const [row = {}] = await waitForRows(alias, 1)
      expect(row).toMatchObject({
        reason: 'idle_timeout',
        detected_by: 'sweep',
        evidence: 'self_reported',
        subject: user.subject,
        session: alias,
        revision: 1,
        ip: null,
      })
      expect(Math.abs(readSentTime(row, 'last_access_at') - lastAccessAt)).toBeLessThan(1500)
      expect(readStoredTime(row.expired_at) - readStoredTime(row.last_access_at)).toBe(4000)
      expect(await findLive(alias)).toBeUndefined()

      const returned = await resume(context, user, profile)
      await returned.open('/')
      expect(await returned.readPathname()).toBe('/login')
      const { returned_at } = await findReturn(row)
      expect(readStoredTime(returned_at)).toBeGreaterThan(readStoredTime(row.expired_at))
      expect(await findRows(alias)).toEqual([row])
      expect(await returned.readMarker()).toBeUndefined()
    })

    test('is recorded by the sweep while its computer sleeps, which reports nothing when it wakes', async (context) => {
      const { user, alias } = await startSession(context)
      // A page that waits for a synchronous request runs no timers, like a page on a computer that sleeps.
      const wake = await freeze(context, user.tab)
      const [row = {}] = await waitForRows(alias, 1)
      const reports = env.proxy.readActivity(user.subject).length
      wake()
      await user.tab.evaluate("fetch('/api/me').then((response) => response.text())")
      await sleep(1500)
      expect(env.proxy.readActivity(user.subject)).toHaveLength(reports)
      await user.open('/')
      await findReturn(row)
      expect(await findRows(alias)).toEqual([row])
      expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'sweep' })
    })

    test('is recorded when a computer wakes whose clock says that it has slept past the limit', async (context) => {
      const { user, alias } = await startSession(context, { host: 'patient' })
      const { at = 0 } = (await user.readMarker()) ?? {}
      expect(env.hosts.patient.drop(alias)).toBe(true)
      await user.open(`/?clock=${twoHoursMs}`)
      const row = await user.expectOneRow()
      expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'login_page', session: alias })
      expect(Math.abs(Number(row.elapsed_ms) - twoHoursMs)).toBeLessThan(30_000)
      expect(readSentTime(row, 'last_access_at')).toBe(at)
      expect(readSentTime(row, 'expired_at')).toBe(at + patientTimeoutSeconds * 1000)
      expect(await findLive(alias)).toBeUndefined()
    })

    test('is corrected by what its browser did while it was offline', async (context) => {
      const { user, alias } = await startSession(context)
      const reconnect = await disconnect(user)
      // Longer than the slack, so that the sweep was wrong about the last access.
      for (let step = 0; step < 8; step++) {
        await sleep(450)
        await user.tab.evaluate('Lapse.touch()')
      }
      const { at = 0 } = (await user.readMarker()) ?? {}
      const [presumed] = await waitForRows(alias, 1)
      await reconnect()
      const [first, current = {}] = await waitForRows(alias, 2)
      expect(first).toEqual(presumed)
      expect(current).toMatchObject({
        reason: 'idle_timeout',
        detected_by: 'sweep',
        revision: 2,
        supersedes: presumed?.id,
      })
      expect(Math.abs(readSentTime(current, 'last_access_at') - at)).toBeLessThan(1500)
      await user.open('/')
      await findReturn(current)
      expect(await findRows(alias)).toHaveLength(2)
    })

    test('is corrected by the later end of a session whose activity reports are blocked', async (context) => {
      const { user, alias } = await startSession(context)
      // An extension blocks them.
      env.proxy.fail(user.subject, 'cut activity')
      await work(user.tab, async () => (await findRows(alias)).length > 0)
      const { at = 0 } = (await user.readMarker()) ?? {}
      const [presumed = {}] = await findRows(alias)
      expect(presumed).toMatchObject({ reason: 'idle_timeout', detected_by: 'sweep' })
      await user.waitUntilExpired()
      await user.open('/')
      const [first, current = {}] = await waitForRows(alias, 2)
      expect(first).toEqual(presumed)
      expect(current).toMatchObject({
        reason: 'idle_timeout',
        detected_by: 'login_page',
        revision: 2,
        supersedes: presumed.id,
      })
      expect(readSentTime(current, 'last_access_at')).toBeGreaterThanOrEqual(at)
      expect(readStoredTime(presumed.expired_at)).toBeLessThan(readStoredTime(current.last_access_at))
    })
  })

  describe('a session', () => {
    test('is not called idle while one of its tabs is frozen and the user works in another', async (context) => {
      const { user, alias, openTab } = await startSession(context)
      const other = await openTab()
      await freeze(context, user.tab)
      await work(other, longerThanLimit())
      expect(await findRows(alias)).toEqual([])
      const { last_access_at } = (await findLive(alias)) ?? {}
      expect(Date.now() - readStoredTime(last_access_at)).toBeLessThan(4000)
    })

    test('is not called idle when another user signs in in another tab, whose session is watched', async (context) => {
      const { user, alias, openTab } = await startSession(context)
      const other = await openTab(user.otherSubject)
      const [row] = await waitForRows(alias, 1)
      expect(row).toMatchObject({ reason: 'ended_early', detected_by: 'new_session', subject: user.subject })
      expect(await findLive(alias)).toBeUndefined()
      const { alias: next = '' } = env.hosts.app.findSession(user.otherSubject) ?? {}
      await work(user.tab, longerThanLimit(), other)
      expect(await findRows(next)).toEqual([])
      expect(await findLive(next)).toMatchObject({ subject: user.otherSubject })
      expect(await findRows(alias)).toEqual([row])
    })

    test('ends without a row when its user signs out, and a late activity report changes nothing', async (context) => {
      const { user, alias } = await startSession(context)
      const release = env.proxy.fail(user.subject, 'hold activity')
      await work(user.tab, async () => env.proxy.readActivity(user.subject).some(({ status }) => !status))
      await user.tab.click('#link b')
      await user.waitForPath('/login')
      await waitUntil(async () => !(await findLive(alias)), 'the end of the live session')
      release()
      const readStatuses = () => env.proxy.readActivity(user.subject).map(({ status }) => status)
      await waitUntil(async () => readStatuses().every((status) => status === 204), 'the late report')
      expect(await findLive(alias)).toBeUndefined()
      expect(await findRows(alias)).toEqual([])
    })

    test('was not idle if its user signed out offline, which is delivered later', async (context) => {
      const { user, alias } = await startSession(context)
      const reconnect = await disconnect(user)
      expect(await user.tab.evaluate('Lapse.logout()')).toEqual({ pending: true })
      const [presumed = {}] = await waitForRows(alias, 1)
      expect(presumed).toMatchObject({ reason: 'idle_timeout', detected_by: 'sweep' })
      await reconnect()
      const [first, current] = await waitForRows(alias, 2)
      expect(first).toEqual(presumed)
      expect(current).toMatchObject({
        reason: 'logout',
        detected_by: 'logout',
        expired_at: null,
        revision: 2,
        supersedes: presumed.id,
      })
      expect(await findLive(alias)).toBeUndefined()
    })
  })
})

/** Returns a condition that holds once the limit and the slack of a session have passed. */
function longerThanLimit(): () => Promise<boolean> {
  const end = Date.now() + 8_000
  return async () => Date.now() > end
}
