import type { ListedSessionEnd } from '../reading/listedSessionEnd.ts'
import type { DeliveryError, SendResult } from './sender.ts'

interface SendOptions {
  /** How many rows may be on their way at the same time. */
  readonly concurrency: number
  readonly signal: AbortSignal
  /** Sends one row. Resolves to the error if the receiver has not confirmed it. */
  readonly sendRow: (row: ListedSessionEnd) => Promise<DeliveryError | undefined>
}

/** Sends rows of different sessions concurrently, and those of one session one after another, until one fails. */
export async function sendInOrder(
  rows: readonly ListedSessionEnd[],
  { concurrency, signal, sendRow }: SendOptions,
): Promise<SendResult> {
  const delivered = new Set<ListedSessionEnd>()
  const queues = groupBySession(rows)
  let failure: DeliveryError | undefined

  async function work(): Promise<void> {
    for (let queue = queues.shift(); queue; queue = queues.shift())
      for (const row of queue) {
        if (failure || signal.aborted) return
        const error = await sendRow(row)
        failure ??= error
        if (error) return
        delivered.add(row)
      }
  }

  await Promise.all(Array.from({ length: concurrency }, work))
  return { undelivered: rows.filter((row) => !delivered.has(row)), failure }
}

/**
 * Groups rows by session. A row also belongs to the session of the row that it corrects: the correction can have another
 * session key, because it knows the alias.
 */
function groupBySession(rows: readonly ListedSessionEnd[]): ListedSessionEnd[][] {
  const queues = new Map<string, ListedSessionEnd[]>()
  for (const row of rows) {
    const keys = [`${row.site} ${row.sessionKey}`, String(row.id), String(row.supersedes ?? row.id)]
    const known = new Set(keys.map((key) => queues.get(key) ?? []))
    const queue = [...[...known].flat(), row]
    // A correction can join two queues.
    for (const [key, other] of queues) if (known.has(other)) queues.set(key, queue)
    for (const key of keys) queues.set(key, queue)
  }
  return [...new Set(queues.values())]
}
