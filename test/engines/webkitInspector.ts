import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findFreePort } from '../servers.ts'
import { type Browser, leave, refuse, startTimeoutMs, type Tab, waitUntil } from './engine.ts'
import { findMiniBrowser, startOnDisplay } from './miniBrowser.ts'

/**
 * Starts a MiniBrowser that keeps its storage on disk. An automated MiniBrowser does not, so this one is started as a user
 * starts it, with one window, and driven over the protocol of WebKit's remote inspector.
 */
export async function startWithProfile(profile: string): Promise<Browser> {
  const port = await findFreePort()
  const temporary = join(profile, 'tmp')
  mkdirSync(temporary, { recursive: true })
  const command = [
    findMiniBrowser(),
    `--cookies-file=${join(profile, 'cookies.sqlite')}`,
    'data:text/html,<title>started</title>',
  ]
  const program = startOnDisplay(temporary, command, {
    WEBKIT_INSPECTOR_HTTP_SERVER: `127.0.0.1:${port}`,
    XDG_DATA_HOME: join(profile, 'data'),
    XDG_CACHE_HOME: join(profile, 'cache'),
    XDG_CONFIG_HOME: join(profile, 'config'),
  })
  try {
    const tab = await attach(port)
    // Each window starts with an empty document, before the first page.
    const hasStarted = () => tab.evaluate<boolean>("document.title === 'started'").catch(() => false)
    await waitUntil(hasStarted, "WebKit's first page", startTimeoutMs)
    let hasTab = false
    return {
      async newTab() {
        if (hasTab) refuse('WebKit', 'open a second tab in a browser with a profile')
        hasTab = true
        return tab
      },
      setOffline: async () => refuse('WebKit', 'go offline'),
      async close() {
        // Only its window can tell it to quit. Storage reaches the disk half a second after it was written.
        await sleep(1000)
        await program.kill()
      },
      kill: () => program.kill(),
    }
  } catch (cause) {
    await program.kill()
    throw new Error(`WebKit did not start: ${program.output()}`, { cause })
  }
}

interface Answer {
  readonly id?: number
  readonly error?: { readonly message: string }
  readonly result?: {
    readonly wasThrown?: boolean
    readonly result: { readonly objectId?: string; readonly value?: unknown; readonly description?: string }
  }
}

async function attach(port: number): Promise<Tab> {
  let path: string | undefined
  await waitUntil(async () => {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    path = /\/socket\/\d+\/\d+\/WebPage/.exec((await response?.text()) ?? '')?.[0]
    return path !== undefined
  }, "WebKit's inspector")

  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`)
  /** A document of another site may get a new target. The last one belongs to the page. */
  let targetId: string | undefined
  let lastId = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  socket.onmessage = ({ data }) => {
    const { method, params } = JSON.parse(data)
    if (method === 'Target.targetCreated' && !params.targetInfo.isProvisional)
      targetId = params.targetInfo.targetId
    if (method === 'Target.didCommitProvisionalTarget') {
      targetId = params.newTargetId
      for (const answer of waiting.values())
        answer({ error: { message: 'The page has been replaced by another.' } })
    }
    if (method !== 'Target.dispatchMessageFromTarget') return
    const answer: Answer = JSON.parse(params.message)
    if (answer.id) waiting.get(answer.id)?.(answer)
  }
  await waitUntil(async () => targetId !== undefined, "WebKit's page")

  return createTab((method, params) => {
    lastId += 1
    const id = lastId
    const message = JSON.stringify({ id, method, params })
    socket.send(JSON.stringify({ id, method: 'Target.sendMessageToTarget', params: { targetId, message } }))
    return new Promise((resolve, reject) => {
      // The document may have been replaced before it could answer.
      const timer = setTimeout(() => reject(new Error(`WebKit's inspector did not answer ${method}.`)), 8000)
      waiting.set(id, ({ error, result }) => {
        clearTimeout(timer)
        waiting.delete(id)
        if (error || !result || result.wasThrown)
          reject(new Error(error?.message ?? result?.result.description))
        else resolve(result.result)
      })
    })
  })
}

type Send = (method: string, params: object) => Promise<NonNullable<Answer['result']>['result']>

function createTab(send: Send): Tab {
  // Without `tab.evaluate`, because the document may be replaced before its promise is awaited.
  const navigate = (script: string) =>
    leave(tab, () => send('Runtime.evaluate', { expression: `void setTimeout(() => { ${script} }, 0)` }))
  const tab: Tab = {
    goto: (url) => navigate(`location.href = ${JSON.stringify(url)}`),
    reload: () => navigate('location.reload()'),
    back: () => navigate('history.back()'),
    forward: () => navigate('history.forward()'),
    click: (selector) => tab.evaluate(`void document.querySelector(${JSON.stringify(selector)}).click()`),
    async evaluate<T>(expression: string) {
      const promise = await send('Runtime.evaluate', { expression: `Promise.resolve(${expression})` })
      const promiseObjectId = promise.objectId
      const { value } = await send('Runtime.awaitPromise', { promiseObjectId, returnByValue: true })
      return value as T
    },
    url: () => tab.evaluate<string>('location.href'),
    close: async () => refuse('WebKit', 'close the only tab of a browser with a profile'),
  }
  return tab
}
