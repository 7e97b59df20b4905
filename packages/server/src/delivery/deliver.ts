import type { Settings } from '../options.ts'
import type { QueueEntry } from '../queue/reportQueue.ts'
import type { QueuedReport } from '../reports.ts'
import { type Failure, type PostResult, postReports } from './postReports.ts'

/** What became of some reports. */
export interface Delivery {
  readonly stored: readonly QueueEntry[]
  readonly refused: readonly { readonly entry: QueueEntry; readonly detail: string }[]
  /** Why the others could not be stored yet. */
  readonly failure: Failure | undefined
}

const endpoints = { activity: '/v1/activity', end: '/v1/lapses', subject_end: '/v1/lapses' } as const
/** The collector accepts 256 KiB. */
const maxBodyBytes = 250 * 1024

/** The endpoint for a kind of report. */
export function getEndpoint(kind: QueuedReport['kind']) {
  return endpoints[kind]
}

/**
 * Sends reports of one kind, in as few requests as possible, until one of them fails.
 *
 * If the collector refuses a request as a whole, its halves are sent, so that one bad report holds up no others.
 */
export async function deliver(
  settings: Settings,
  entries: readonly QueueEntry[],
  abort: AbortSignal,
): Promise<Delivery> {
  const [first] = entries
  if (!first) return { stored: [], refused: [], failure: undefined }
  const { kind } = first.report
  const isSingle = kind === 'subject_end'
  const texts = entries.map((entry) => formatReport(settings, entry))
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0)
  if (entries.length > 1 && (isSingle || size > maxBodyBytes)) return deliverHalves(settings, entries, abort)

  const body = isSingle ? texts.join() : `[${texts}]`
  const result = await postReports(settings, endpoints[kind], body, abort)
  if (result.outcome === 'refused' && entries.length > 1) return deliverHalves(settings, entries, abort)
  return readResult(entries, result)
}

async function deliverHalves(
  settings: Settings,
  entries: readonly QueueEntry[],
  abort: AbortSignal,
): Promise<Delivery> {
  const middle = Math.ceil(entries.length / 2)
  const first = await deliver(settings, entries.slice(0, middle), abort)
  if (first.failure) return first
  const second = await deliver(settings, entries.slice(middle), abort)
  return {
    stored: [...first.stored, ...second.stored],
    refused: [...first.refused, ...second.refused],
    failure: second.failure,
  }
}

function readResult(entries: readonly QueueEntry[], result: PostResult): Delivery {
  if (result.outcome === 'failed') return { stored: [], refused: [], failure: result.failure }
  if (result.outcome === 'refused') {
    return {
      stored: [],
      refused: entries.map((entry) => ({ entry, detail: result.detail })),
      failure: undefined,
    }
  }
  const rejected = new Map(result.rejected.map(({ index, errors }) => [index, errors]))
  const stored = entries.filter((_, index) => !rejected.has(index))
  const refused: { entry: QueueEntry; detail: string }[] = []
  let failure: Failure | undefined
  for (const [index, errors] of rejected) {
    const entry = entries[index]
    const detail = errors.map((error) => `${error.pointer} ${error.detail}`).join('; ')
    // Not the report's fault: it can be stored as soon as somebody has corrected the configuration.
    if (errors.some(({ pointer }) => pointer === '#/site'))
      failure = { code: 'collector_refused', detail, retryAfterMs: 0 }
    else if (entry) refused.push({ entry, detail })
  }
  return { stored, refused, failure }
}

function formatReport({ site, heartbeatSeconds }: Settings, { report: { kind, body } }: QueueEntry): string {
  const interval = kind === 'activity' ? { heartbeatSeconds } : {}
  return JSON.stringify({ site, ...body, ...interval, sentAt: Date.now() })
}
