import getRawBody from 'raw-body'
import { LapseError } from '../../domain/errors.ts'
import type { Context } from '../context.ts'

export const maxBodyKibibytes = 8
const mediaTypes = new Set(['text/plain', 'application/json'])
const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Reads a JSON body of at most `maxKibibytes`. `text/plain` is read as JSON too: a browser may post it to another origin
 * without a preflight.
 *
 * @throws {LapseError} `unsupported-media-type`, `body-too-large`, `bad-request` or `not-json`.
 */
export async function readJson(ctx: Context, maxKibibytes = maxBodyKibibytes): Promise<unknown> {
  // Koa keeps the case, and any space before the parameters.
  if (!mediaTypes.has(ctx.request.type.trim().toLowerCase())) {
    throw new LapseError('unsupported-media-type', `Send the body as ${[...mediaTypes].join(' or ')}.`)
  }
  if (!['', 'identity'].includes(ctx.get('Content-Encoding').toLowerCase())) {
    throw new LapseError('unsupported-media-type', 'Send the body without a Content-Encoding.')
  }
  const bytes = await readBytes(ctx, maxKibibytes)
  try {
    return JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw createNotJsonError(cause)
  }
}

export function createNotJsonError(cause?: unknown): LapseError {
  return new LapseError('not-json', 'Send the body as JSON in UTF-8.', { cause })
}

async function readBytes(ctx: Context, maxKibibytes: number): Promise<Uint8Array> {
  try {
    return await getRawBody(ctx.req, {
      limit: maxKibibytes * 1024,
      length: ctx.get('Content-Length') || null,
    })
  } catch (cause) {
    if (cause instanceof Error && 'type' in cause && cause.type === 'entity.too.large') {
      // The rest of the body is not read, so the connection cannot be reused.
      ctx.set('Connection', 'close')
      throw new LapseError('body-too-large', `The body must not exceed ${maxKibibytes} KiB.`)
    }
    throw new LapseError('bad-request', 'The body ended before its announced length.', { cause })
  }
}
