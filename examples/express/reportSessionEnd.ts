import pRetry, { AbortError } from 'p-retry'

/** The end of a session that the server has ended itself. */
export interface EndReport {
  readonly site: string
  /** The session alias. */
  readonly session: string
  readonly subject: string
  readonly reason: 'revoked' | 'displaced'
}

interface Collector {
  readonly collector: string
  readonly token: string
}

const maxWaitMs = 2000
/** The report itself was refused: sending it again would not help. */
const finalStatuses = [400, 413, 415, 422]

/**
 * Reports the end of a session to the collector. Resolves when the row is committed, and after two seconds at the
 * latest, because ending a session must not depend on the audit. After that, it retries for about an hour, unless the collector
 * refuses the report.
 */
export async function reportSessionEnd(collector: Collector, end: EndReport): Promise<void> {
  const reported = pRetry(() => post(collector, end), {
    retries: 400,
    minTimeout: 500,
    maxTimeout: 10_000,
    unref: true,
  }).catch((error: Error) =>
    console.error(`Session end not recorded: ${JSON.stringify(end)}. ${error.message}`),
  )
  const { promise: waited, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, maxWaitMs)
  await Promise.race([reported, waited])
  clearTimeout(timer)
}

async function post({ collector, token }: Collector, end: EndReport): Promise<void> {
  const response = await fetch(`${collector}/v1/lapses`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ detectedBy: 'server', ...end }),
    signal: AbortSignal.timeout(5000),
  })
  // Any 2xx means that the row is committed: a new row, or the one that the session had already.
  if (response.ok) return
  const message = `The collector responded with ${response.status}: ${await response.text()}`
  throw finalStatuses.includes(response.status) ? new AbortError(message) : new Error(message)
}
