import { finished, Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Position } from '../../reading/cursor.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import type { Format } from '../../reading/formats/formats.ts'
import type { Context } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { cutOff } from '../middleware/slowReaders.ts'
import { reading } from '../reading.ts'
import type { Reader } from '../request/authenticate.ts'
import type { ExportSlots } from './exportSlots.ts'

interface Export {
  readonly reader: Reader
  readonly format: Format
  readonly filter: SessionEndFilter
  readonly after: Position | undefined
}

/** How soon an export ends when its token is revoked or its session has ended. */
const recheckMs = 1_000

/** Answers with as many rows as there are, no faster than they are taken, for as long as the reader may have them. */
export async function exportSessionEnds(
  ctx: Context,
  store: CollectorParts['store'],
  slots: ExportSlots,
  { reader, format, filter, after }: Export,
): Promise<void> {
  const { mediaType, head, write } = format
  const release = acquireSlot(ctx, slots, reader)
  const ended = new AbortController()
  // Koa's pipeline and the checks of this server together need more than the ten that Node warns about.
  ctx.res.setMaxListeners(20)
  finished(ctx.res, () => {
    release()
    ended.abort()
  })
  const pages = store.sessionEnds.pages(filter, after)
  // What fails before the first row can still be told as a problem; what fails later ends the connection.
  const first = await reading(pages.next())
  async function* pieces() {
    yield head + write(first.value ?? [])
    try {
      for await (const rows of pages) yield write(rows)
    } catch (error) {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'reading broke off')
      throw error
    }
  }
  ctx.type = mediaType
  ctx.body = Readable.from(pieces())
  void cutOffWithoutRight(ctx, reader, ended.signal)
}

function acquireSlot(ctx: Context, slots: ExportSlots, { token }: Reader): () => void {
  try {
    return slots.acquire(token.id)
  } catch (error) {
    // Whoever has too many already is not given an idle connection as well.
    ctx.set('Connection', 'close')
    throw error
  }
}

/** Runs beside the export: a client that reads slowly would otherwise keep what was written for it before. */
async function cutOffWithoutRight(ctx: Context, reader: Reader, signal: AbortSignal): Promise<void> {
  for (;;) {
    // A wait that is cut off by the end of the export ends the loop.
    await sleep(recheckMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const mayGoOn = await reader.mayGoOn().catch((error: unknown) => {
      ctx.state.log.error({ requestId: ctx.state.requestId, err: error }, 'could not check who is reading')
      return false
    })
    if (signal.aborted) return
    if (!mayGoOn) return cutOff(ctx, 'cut off an export: its token or its session has ended')
  }
}
