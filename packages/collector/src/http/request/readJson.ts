import getRawBody from 'raw-body'
import { LapseError } from '../../domain/errors.ts'
import type { Context } from '../context.ts'

const maxBytes = 8 * 1024
const mediaTypes = new Set(['text/plain', 'application/json'])
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a JSON body of at most 8 KiB. `text/plain` is JSON too: it is what a browser may post across origins without
 * a preflight.
 *
 * @throws {LapseError} `unsupported-media-type`, `body-too-large`, `bad-request` or `not-json`.
 */
export async function readJson(ctx: Context): Promise<unknown> {
  // Koa leaves the case, and a space before the parameters, as they came.
  if (!mediaTypes.has(ctx.request.type.trim().toLowerCase())) {
    throw new LapseError('unsupported-media-type', 'Send the event as application/json or text/plain.')
  }
  if (!['', 'identity'].includes(ctx.get('Content-Encoding').toLowerCase())) {
    throw new LapseError('unsupported-media-type', 'Send the event without a Content-Encoding.')
  }
  const bytes = await readBytes(ctx)
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new LapseError('not-json', 'Send the event as a JSON object in UTF-8.', { cause })
  }
}

async function readBytes(ctx: Context): Promise<Uint8Array> {
  try {
    return await getRawBody(ctx.req, { limit: maxBytes, length: ctx.get('Content-Length') || null })
  } catch (cause) {
    if (cause instanceof Error && 'type' in cause && cause.type === 'entity.too.large') {
      // What is left of the body is not read, so the connection cannot be used again.
      ctx.set('Connection', 'close')
      throw new LapseError('body-too-large', `An event has at most ${maxBytes} bytes.`)
    }
    throw new LapseError('bad-request', 'The body ended before its length.', { cause })
  }
}
