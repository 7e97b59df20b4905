/** The few commands of the W3C's WebDriver protocol that are needed here. A client library would be a hundred times this. */
export interface WebDriverSession {
  /** A command of the session in one of its windows. Windows take turns, because a session has one at a time. */
  inWindow<T>(handle: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T>
  newWindow(): Promise<string>
  /** The window that a session begins with. */
  readonly firstWindow: string
  end(): Promise<void>
}

export async function openSession(address: string, capabilities: object): Promise<WebDriverSession> {
  const { sessionId } = await send<{ sessionId: string }>(
    'POST',
    `${address}/session`,
    { capabilities: { alwaysMatch: capabilities } },
    // Without a display it would wait for ever.
    20_000,
  )
  const session = `${address}/session/${sessionId}`
  let current = await send<string>('GET', `${session}/window`)
  let turn: Promise<unknown> = Promise.resolve()
  const next = <T>(act: () => Promise<T>): Promise<T> => {
    const result = turn.then(act)
    turn = result.catch(() => {})
    return result
  }
  return {
    firstWindow: current,
    inWindow: (handle, method, path, body) =>
      next(async () => {
        if (current !== handle) await send('POST', `${session}/window`, { handle })
        current = handle
        return send(method, `${session}${path}`, body)
      }),
    newWindow: () =>
      next(
        async () => (await send<{ handle: string }>('POST', `${session}/window/new`, { type: 'tab' })).handle,
      ),
    end: () => next(() => send('DELETE', session)),
  }
}

export async function isReady(address: string): Promise<boolean> {
  const status = await send<{ ready: boolean }>('GET', `${address}/status`).catch(() => undefined)
  return status?.ready === true
}

async function send<T>(method: string, url: string, body?: object, timeoutMs = 60_000): Promise<T> {
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await fetch(url, { method, signal, ...(body && { body: JSON.stringify(body) }) })
  const { value } = (await response.json()) as { value: T & { error?: string; message?: string } }
  if (!response.ok) throw new Error(`WebDriver, ${method} ${url}: ${value.error}: ${value.message}`)
  return value
}
