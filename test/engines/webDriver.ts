/** The few WebDriver commands that the tests need, without a large client library. */
export interface WebDriverSession {
  /** Sends a command to a window. Commands are queued, because a session has one current window. */
  inWindow<T>(handle: string, method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T>
  newWindow(): Promise<string>
  /** The window that is open when the session starts. */
  readonly firstWindow: string
  end(): Promise<void>
}

export async function openSession(address: string, capabilities: object): Promise<WebDriverSession> {
  const { sessionId } = await send<{ sessionId: string }>(
    'POST',
    `${address}/session`,
    { capabilities: { alwaysMatch: capabilities } },
    // Without a display, the driver would never answer.
    20_000,
  )
  const session = `${address}/session/${sessionId}`
  let current = await send<string>('GET', `${session}/window`)
  let queue: Promise<unknown> = Promise.resolve()
  const enqueue = <T>(act: () => Promise<T>): Promise<T> => {
    const result = queue.then(act)
    queue = result.catch(() => {})
    return result
  }
  return {
    firstWindow: current,
    inWindow: (handle, method, path, body) =>
      enqueue(async () => {
        if (current !== handle) await send('POST', `${session}/window`, { handle })
        current = handle
        return send(method, `${session}${path}`, body)
      }),
    newWindow: () =>
      enqueue(
        async () => (await send<{ handle: string }>('POST', `${session}/window/new`, { type: 'tab' })).handle,
      ),
    end: () => enqueue(() => send('DELETE', session)),
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
  if (!response.ok) throw new Error(`WebDriver ${method} ${url} failed: ${value.error}: ${value.message}`)
  return value
}
