import pRetry from 'p-retry'
import type { LapseOptions } from './options.ts'

/** The end of a session that the server has brought about. */
export interface SessionEnd {
  readonly session: string
  readonly subject: string
  readonly reason: 'revoked' | 'displaced'
}

const patienceMs = 2000

/**
 * Tells the collector that the server ends a session. It resolves when that is on record, and after two seconds at
 * the latest: ending a session must not depend on the audit. Then the report is tried again for about an hour.
 */
export async function report(lapse: LapseOptions, end: SessionEnd): Promise<void> {
  const reported = pRetry(() => post(lapse, end), {
    retries: 400,
    minTimeout: 500,
    maxTimeout: 10_000,
    unref: true,
  }).catch((error: Error) => console.error(`Not on record: ${JSON.stringify(end)}. ${error.message}`))
  const { promise: patience, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, patienceMs)
  await Promise.race([reported, patience])
  clearTimeout(timer)
}

async function post({ site, collector, token }: LapseOptions, end: SessionEnd): Promise<void> {
  const response = await fetch(`${collector}/v1/lapses`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ site, detectedBy: 'server', ...end }),
    signal: AbortSignal.timeout(5000),
  })
  // Any 2xx means that the row is committed: a new one, or the one that the session had already.
  if (!response.ok) throw new Error(`The collector answered ${response.status}: ${await response.text()}`)
}
