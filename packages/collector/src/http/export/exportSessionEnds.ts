import { finished, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { formats } from '../../reading/formats/formats.ts'
import type { ListQuery } from '../../reading/listQuery.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { disconnect } from '../middleware/disconnectSlowReaders.ts'
import type { Reader } from '../request/authenticate.ts'
import type { Choice } from '../request/chooseFormat.ts'
import { describeExport } from './describeExport.ts'
import type { ExportSlots } from './exportSlots.ts'
import { getExtension } from './getExtension.ts'

interface Export extends Choice {
  readonly query: ListQuery
  readonly reader: Reader
  readonly sessionEnds: Dependencies['store']['sessionEnds']
  readonly slots: ExportSlots
}

/** How often to check that the token or the dashboard session is still valid. */
const recheckMs = 1_000

/** Streams all matching rows, no faster than the client reads them, for as long as the client may read them. */
export async function exportSessionEnds(
  ctx: Context,
  { query, reader, sessionEnds, slots, format, isJson }: Export,
): Promise<void> {
  const { selection, cursor, sort, isCounted, isDownload, timeZone } = query
  const { mediaType, head, write } = formats[format]
  const release = acquireSlot(ctx, slots, reader)
  const ended = new AbortController()
  // Koa's pipeline and the collector's own checks need more than the ten listeners that Node allows without a warning.
  ctx.res.setMaxListeners(20)
  finished(ctx.res, () => {
    release()
    ended.abort()
  })
  const pages = sessionEnds.readPages(selection, { after: cursor, sort })
  // A failure before the first row becomes a problem response. Later failures end the connection.
  const first = await pages.next()
  const total = isCounted ? await sessionEnds.count(selection) : null
  describeExport(ctx, {
    ...{ selection, timeZone, isDownload, tokenId: reader.token.id },
    extension: getExtension({ format, isJson }),
    rows: total ?? undefined,
  })
  async function* chunks() {
    yield head + write(first.value ?? [])
    try {
      for await (const rows of pages) yield write(rows)
    } catch (error) {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'export failed')
      throw error
    }
  }
  ctx.type = mediaType
  ctx.body = Readable.from(chunks())
  void disconnectWhenRevoked(ctx, reader, ended.signal)
}

function acquireSlot(ctx: Context, slots: ExportSlots, { token }: Reader): () => void {
  try {
    return slots.acquire(token.id)
  } catch (error) {
    // A client over its limit must not also hold an idle connection.
    ctx.set('Connection', 'close')
    throw error
  }
}

/** Runs in parallel with the export: a slow client would otherwise keep receiving rows from the buffers. */
async function disconnectWhenRevoked(ctx: Context, reader: Reader, signal: AbortSignal): Promise<void> {
  for (;;) {
    // The end of the export aborts the wait.
    await sleep(recheckMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const mayStillRead = await reader.mayStillRead().catch((error: unknown) => {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'could not check the reader')
      return false
    })
    if (signal.aborted) return
    if (!mayStillRead) return disconnect(ctx, 'disconnected an export whose token or session has ended')
  }
}
