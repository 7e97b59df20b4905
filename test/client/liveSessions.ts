import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TestContext } from 'vitest'
import { type Engine, type Tab, waitUntil } from '../engines/engine.ts'
import { type Environment, patientTimeoutSeconds, type Row, startEnvironment } from './environment.ts'
import { type ReportProxy, startReportProxy } from './reportProxy.ts'
import { createVisitor, createVisitorInTab, type Visitor } from './visitor.ts'

const sites = {
  app: { idleTimeoutSeconds: 4 },
  patient: { idleTimeoutSeconds: patientTimeoutSeconds },
}
type Site = keyof typeof sites

/** Tests that run in parallel clean up through their own context. */
type Cleanup = Pick<TestContext, 'onTestFinished'>

/** Applications whose pages reach the collector through a proxy. */
export interface LiveEnvironment extends Environment<Site> {
  readonly proxy: ReportProxy
}

/**
 * Starts applications with a collector whose sweep runs every second.
 *
 * @param activityPath the path at which the collector gets activity reports, if it is not the right one.
 */
export async function startLiveEnvironment(activityPath?: string): Promise<LiveEnvironment> {
  let proxy: ReportProxy | undefined
  const startProxy = async (collectorUrl: string) => {
    proxy = await startReportProxy(collectorUrl, activityPath)
    return proxy.url
  }
  const env = await startEnvironment(sites, startProxy, { sweep: { everySeconds: 1 } })
  if (!proxy) throw new Error('The proxy has not been started.')
  const { close } = proxy
  return {
    ...env,
    proxy,
    async end() {
      await env.end()
      await close()
    },
  }
}

interface LiveSession {
  readonly user: Visitor
  readonly alias: string
  /** Opens another tab of the browser, and signs in there if a user is named. */
  openTab(subject?: string): Promise<Tab>
}

const heartbeatSeconds = 2
/** The sweep records a timeout 6.4 seconds after the last access. A busy machine takes longer. */
const sweepTimeoutMs = 40_000

/** Creates the steps of tests with live sessions at a collector whose sweep is at work. */
export function createLiveSessions(engine: Engine, getEnv: () => LiveEnvironment) {
  const selectFrom = (table: string) => getEnv().database.sql(table)

  const findLive = (alias: string): Promise<Row | undefined> =>
    selectFrom('session_live').where({ session_key: alias }).first()

  /** Returns the rows of a session, oldest first. */
  const findRows = async (alias: string): Promise<readonly Row[]> =>
    selectFrom('session_audit').where({ session_key: alias }).orderBy('id')

  async function waitForRows(alias: string, count: number): Promise<readonly Row[]> {
    const hasRows = async () => (await findRows(alias)).length >= count
    await waitUntil(hasRows, `${count} rows of ${alias}`, sweepTimeoutMs)
    return findRows(alias)
  }

  /** Waits for the return of the user that belongs to a row. */
  async function findReturn({ id }: Row): Promise<Row> {
    let found: Row | undefined
    await waitUntil(async () => {
      found = await selectFrom('session_return').where({ audit_id: id }).first()
      return found !== undefined
    }, `the return of row ${id}`)
    return found ?? {}
  }

  /** Signs in on a page that reports activity. */
  async function openSession(
    { onTestFinished }: Cleanup,
    { host = 'app', profile }: { readonly host?: Site; readonly profile?: string } = {},
  ): Promise<LiveSession> {
    const app = getEnv().hosts[host]
    const user = await createVisitor(engine, getEnv(), app, profile)
    onTestFinished(() => user.browser.close().catch(() => {}))
    const attributes = new URLSearchParams({
      'data-idle-timeout-seconds': `${app.idleTimeoutSeconds}`,
      'data-heartbeat-seconds': `${heartbeatSeconds}`,
    })
    const page = `/?${attributes}`
    const signIn = async (subject: string, visitor: Visitor) => {
      await visitor.open(`/sign-in?user=${subject}&next=${encodeURIComponent(page)}`)
      return visitor.waitForMarker(subject)
    }
    const { sid: alias = '' } = await signIn(user.subject, user)
    return {
      user,
      alias,
      async openTab(subject) {
        const tab = await user.browser.newTab()
        const visitor = createVisitorInTab(user.browser, tab, getEnv(), app, user)
        if (subject) await signIn(subject, visitor)
        else await visitor.open(page)
        return tab
      },
    }
  }

  /** Signs in on a page that reports activity, and waits until the session is live. */
  async function startSession(...[context, options]: Parameters<typeof openSession>): Promise<LiveSession> {
    const session = await openSession(context, options)
    const isLive = async () => (await findLive(session.alias)) !== undefined
    await waitUntil(isLive, `the live session of ${session.user.subject}`)
    return session
  }

  /** Starts the browser of a user again. */
  async function resume({ onTestFinished }: Cleanup, user: Visitor, profile: string): Promise<Visitor> {
    const browser = await engine.launch(profile)
    onTestFinished(() => browser.close())
    return createVisitorInTab(browser, await browser.newTab(), getEnv(), getEnv().hosts.app, user)
  }

  /** Stops all scripts and timers of a page, until the returned function is called. */
  async function freeze({ onTestFinished }: Cleanup, tab: Tab): Promise<() => void> {
    const key = randomUUID()
    const thaw = getEnv().hosts.app.hold(key)
    onTestFinished(thaw)
    // The driver gets its answer before the page stops.
    await tab.evaluate(`void setTimeout(() => {
      const request = new XMLHttpRequest()
      request.open('GET', '/static/data.json?held=${key}', false)
      request.send()
    }, 50)`)
    await sleep(100)
    return thaw
  }

  /** Takes the browser off the network, until the returned function is called. */
  async function disconnect({ browser, subject }: Visitor): Promise<() => Promise<void>> {
    if (engine.limits.offline === undefined) {
      await browser.setOffline(true)
      return () => browser.setOffline(false)
    }
    const reconnect = getEnv().proxy.fail(subject, 'cut all')
    return async () => reconnect()
  }

  /** Uses the session in some tabs until the condition holds. */
  async function work(tab: Tab, isDone: () => Promise<boolean>, ...others: readonly Tab[]): Promise<void> {
    while (!(await isDone())) {
      for (const each of [tab, ...others])
        await each.evaluate("fetch('/api/me').then((response) => response.text())")
      await sleep(300)
    }
  }

  return {
    ...{ openSession, startSession, resume, freeze, disconnect, work },
    ...{ findLive, findRows, waitForRows, findReturn },
  }
}
