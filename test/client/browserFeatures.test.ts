import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { findFreePort } from '../servers.ts'
import { type Environment, patientTimeoutSeconds, startEnvironment } from './environment.ts'
import { createVisitor, createVisitorInTab, type Visitor } from './visitor.ts'

let env: Environment<'app' | 'patient'>
beforeAll(async () => {
  env = await startEnvironment({
    app: { idleTimeoutSeconds: 3 },
    patient: { idleTimeoutSeconds: patientTimeoutSeconds },
  })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  /** Returns the same user of the patient application. */
  const visitPatientHost = () => createVisitorInTab(user.browser, user.tab, env, env.hosts.patient, user)

  const readErrors = () => user.tab.evaluate('window.lapseErrors')

  describe('Clear-Site-Data', { concurrent: false }, () => {
    const everything = encodeURIComponent('"cookies", "storage"')

    test('deletes the marker, so the login page leaves no row and no error', async () => {
      await user.signIn()
      await user.waitUntilExpired()
      await user.open(`/?clear=${everything}`)
      expect(await user.readPathname()).toBe('/login')
      await user.expectNoRow()
      expect(await user.readMarker()).toBeUndefined()
      expect(await readErrors()).toEqual([])
    })

    test('deletes reports that wait for the collector', async () => {
      await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login?data-collector=http://127.0.0.1:9')
      await waitUntil(async () => (await user.tab.evaluate('localStorage.length')) === 1, 'the report')
      await user.open(`/login?clear=${everything}`)
      expect(await user.tab.evaluate('localStorage.length')).toBe(0)
      await user.expectNoRow()
      expect(await readErrors()).toEqual([])
    })

    test('in the answer to the logout, leaves no row in time', async () => {
      const own = visitPatientHost()
      await own.signIn()
      await own.tab.evaluate(`void (document.forms[0].action = '/logout?clear=${everything}')`)
      await own.tab.click('#form button')
      await own.waitForPath('/login')
      await own.expectNoRow()
      expect(await own.readMarker()).toBeUndefined()
      expect(await readErrors()).toEqual([])
    })

    test('in the answer to the logout, leaves idle_timeout after the timeout', async () => {
      const { id } = await user.signIn()
      await user.tab.evaluate(`void (document.forms[0].action = '/logout?clear=${everything}')`)
      await user.waitUntilExpired()
      await user.tab.click('#form button')
      await user.waitForPath('/login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })
  })

  describe('an API on another origin', { concurrent: false }, () => {
    let api: string
    let end: () => void
    beforeEach(async () => {
      const port = await findFreePort()
      const server = createServer((request, response) => {
        response.setHeader('Access-Control-Allow-Origin', '*')
        if (request.url?.startsWith('/timed')) response.setHeader('Timing-Allow-Origin', '*')
        if (request.url?.endsWith('/500')) response.statusCode = 500
        response.end('{"hello":"world"}')
      }).listen(port, '127.0.0.1')
      await once(server, 'listening')
      api = `http://127.0.0.1:${port}`
      end = () => {
        server.close()
        server.closeAllConnections()
      }
    })
    afterEach(() => end())

    /** Calls the API for a second, and returns how far that has moved the marker. */
    async function measureMove(path: string, query: Record<string, string>) {
      const own = visitPatientHost()
      await own.signIn()
      await own.open(
        `/reports?${new URLSearchParams({ 'data-idle-timeout-seconds': `${patientTimeoutSeconds}`, ...query })}`,
      )
      const { at: before = 0 } = (await own.readMarker()) ?? {}
      await own.tab.evaluate(
        `void setInterval(() => fetch('${path.startsWith('http') ? path : api + path}').then((response) => response.text(), String), 200)`,
      )
      await sleep(2000)
      const { at: after = 0 } = (await own.readMarker()) ?? {}
      return after - before
    }

    test('counts as activity if `requests` matches it and it allows its timing to be read', async () => {
      expect(await measureMove('/timed', { 'data-requests': `^${api}/` })).toBeGreaterThan(1000)
    })

    test('counts as activity if `requests` matches it, although its timing is hidden', async () => {
      expect(await measureMove('/untimed', { 'data-requests': `^${api}/` })).toBeGreaterThan(1000)
    })

    test('is no activity if it cannot be reached', async () => {
      const unreachable = 'http://127.0.0.1:9/'
      expect(await measureMove(unreachable, { 'data-requests': `^${unreachable}` })).toBe(0)
    })

    test.for(['/timed/500', '/untimed/500'])(
      'is no activity if it answers %s with an error',
      async (path, { skip }) => {
        skip(engine.name === 'WebKit', 'WebKit hides the status of a request')
        expect(await measureMove(path, { 'data-requests': `^${api}/` })).toBe(0)
      },
    )

    test('is no activity if `requests` does not match it', async () => {
      expect(await measureMove('/timed', {})).toBe(0)
    })
  })

  describe('an integer as an id', { concurrent: false }, () => {
    test('is the same session as its text in the tag, so no call and no page load leaves a row', async () => {
      const subject = Math.floor(Math.random() * 1e9)
      const path = `/reports?data-idle-timeout-seconds=${patientTimeoutSeconds}&data-session=42&data-subject=${subject}`
      const own = visitPatientHost()
      await own.open(`/sign-in?user=${user.subject}&next=${encodeURIComponent(path)}`)
      const { id } = (await own.readMarker()) ?? {}
      for (let visits = 0; visits < 2; visits++) {
        await own.tab.evaluate(
          `Lapse.createLapse({ site: 'patient', collector: '${env.collectorUrl}' }).active({ session: 42, subject: ${subject} })`,
        )
        expect(await own.readMarker()).toMatchObject({ id, sid: '42', sub: String(subject) })
        await own.open(path)
        expect(await own.readMarker()).toMatchObject({ id, sid: '42', sub: String(subject) })
      }
      await sleep(800)
      expect(await env.readRows([String(subject)])).toEqual([])
    })
  })
})
