import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../servers.ts'
import { type Browser, leave, refuse, type Tab, waitUntil } from './engine.ts'
import { miniBrowser, startOnDisplay } from './miniBrowser.ts'

/**
 * An automated MiniBrowser keeps nothing on the disk. So one with a profile is started as a user starts it, with one
 * window, and talked to by the protocol of WebKit's own remote inspector.
 */
export async function startWithProfile(profile: string): Promise<Browser> {
  const port = await freePort()
  const temporary = join(profile, 'tmp')
  mkdirSync(temporary, { recursive: true })
  const command = [
    miniBrowser(),
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
    // The empty document that each window begins with is followed by another one.
    const hasStarted = () => tab.evaluate<boolean>("document.title === 'started'").catch(() => false)
    await waitUntil(hasStarted, "WebKit's first page")
    let isTaken = false
    return {
      async newTab() {
        if (isTaken) refuse('WebKit', 'open a second tab in a browser with a profile')
        isTaken = true
        return tab
      },
      setOffline: async () => refuse('WebKit', 'go offline'),
      async close() {
        // Nothing tells it to quit but its window. Storage is on the disk half a second after it was written.
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
  /** Each document of another site may come with a target of its own; the last one is the page's. */
  let targetId: string | undefined
  let lastId = 0
  const waiting = new Map<number, (answer: Answer) => void>()
  socket.onmessage = ({ data }) => {
    const { method, params } = JSON.parse(data)
    if (method === 'Target.targetCreated' && !params.targetInfo.isProvisional)
      targetId = params.targetInfo.targetId
    if (method === 'Target.didCommitProvisionalTarget') {
      targetId = params.newTargetId
      for (const answer of waiting.values()) answer({ error: { message: 'The page is another one now.' } })
    }
    if (method !== 'Target.dispatchMessageFromTarget') return
    const answer: Answer = JSON.parse(params.message)
    if (answer.id) waiting.get(answer.id)?.(answer)
  }
  await waitUntil(async () => targetId !== undefined, "WebKit's page")

  return tabOf((method, params) => {
    lastId += 1
    const id = lastId
    const message = JSON.stringify({ id, method, params })
    socket.send(JSON.stringify({ id, method: 'Target.sendMessageToTarget', params: { targetId, message } }))
    return new Promise((resolve, reject) => {
      // The document that was asked may be gone.
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

function tabOf(send: Send): Tab {
  // Not by `evaluate`: the document may be gone before its promise is asked for.
  const leaveBy = (deed: string) =>
    leave(tab, () => send('Runtime.evaluate', { expression: `void setTimeout(() => { ${deed} }, 0)` }))
  const tab: Tab = {
    goto: (url) => leaveBy(`location.href = ${JSON.stringify(url)}`),
    reload: () => leaveBy('location.reload()'),
    back: () => leaveBy('history.back()'),
    forward: () => leaveBy('history.forward()'),
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
