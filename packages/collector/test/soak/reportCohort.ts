import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { postJson } from '../support/postJson.ts'
import { idleTimeoutSeconds } from './limits.ts'
import { isConfirmed, type SessionHistory } from './sessionHistory.ts'

/** The most reports that a server may send at once. */
const batchSize = 500
const retryMs = 1_000

interface CohortOptions {
  readonly url: string
  readonly token: string
  readonly subject: string
  readonly histories: SessionHistory[]
}

/** Reports sessions as a server, in one request. Resolves to whether it was confirmed. */
async function reportBatch(
  batch: readonly SessionHistory[],
  { url, token, subject }: CohortOptions,
): Promise<boolean> {
  const sentAt = Date.now()
  const body = batch.map(({ site, session, lastUsedAt }) => ({
    ...{ site, session, subject },
    lastAccessAt: lastUsedAt,
    sentAt,
  }))
  const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` }
  const { status } = await postJson(`${url}/v1/activity`, body, headers)
  const answeredAt = Date.now()
  for (const { reports, lastUsedAt } of batch)
    reports.push({ kind: 'activity', lastAccessAt: lastUsedAt, sentAt, answeredAt, status })
  return batch.every(({ reports }) => reports.some(isConfirmed))
}

function createBatches(count: number, lastUsedAt: number, histories: SessionHistory[]): SessionHistory[][] {
  return Array.from({ length: Math.ceil(count / batchSize) }, () => {
    const batch = Array.from({ length: batchSize }, (): SessionHistory => {
      const session = `cohort-${randomUUID()}`
      return { site: 'acme', session, ending: 'leaves', reports: [], lastUsedAt, hasLeft: true }
    })
    histories.push(...batch)
    return batch
  })
}

/** Reports sessions that all expire at the same moment, and repeats each report until it is confirmed. */
export async function reportCohort(
  count: number,
  expiresInMs: number,
  options: CohortOptions,
): Promise<void> {
  const lastUsedAt = Date.now() - idleTimeoutSeconds * 1000 + expiresInMs
  for (const batch of createBatches(count, lastUsedAt, options.histories))
    while (!(await reportBatch(batch, options))) await sleep(retryMs)
}

/** Reports sessions all at once, and does not repeat a report that is refused. */
export async function reportFlood(count: number, options: CohortOptions): Promise<void> {
  const batches = createBatches(count, Date.now(), options.histories)
  await Promise.all(batches.map((batch) => reportBatch(batch, options)))
}
