import type { Context } from 'koa'
import type { LapseServer } from '../lapseServer.ts'
import { reportChange } from '../session/sessionChange.ts'
import { findOwnTimeout, type KoaKnownSession } from './knownSession.ts'
import { readCookieSession } from './readCookieSession.ts'
import type { RequestChanges } from './requestChanges.ts'
import { defaultKey, type KoaSessionOptions } from './sessionOptions.ts'

/** The session before and after a request. */
interface Comparison {
  readonly before: KoaKnownSession | undefined
  readonly after: KoaKnownSession | undefined
  readonly isExtended: boolean
}

/**
 * Reports what a request has done to the session, after koa-session has saved or removed it.
 *
 * Nothing here reads `ctx.session`: with `rolling`, that alone would extend the session.
 */
export function reportRequest(
  lapse: Pick<LapseServer, 'active' | 'ended' | 'reportError'>,
  ctx: Context,
  changes: RequestChanges,
  options: KoaSessionOptions,
  isActivity: (ctx: Context) => boolean,
): void {
  const { before, after, isExtended } = compare(ctx, changes, options)
  reportChange(lapse, {
    before,
    after: after && { ...after, ...findOwnTimeout(after, options.maxAge) },
    reason: changes.reason,
    isActivity: () => isExtended && isActivity(ctx),
  })
}

function compare(
  ctx: Context,
  { loaded, isRefused, saved, effect: storeEffect }: RequestChanges,
  options: KoaSessionOptions,
): Comparison {
  const isStored = Boolean(options.store || options.ContextStore)
  const effect = isStored ? storeEffect : readCookieEffect(ctx, options.key)
  // An application can replace or remove a session in the cookie without loading it.
  const isReplacedUnseen = !isStored && effect && !loaded && !isRefused
  const before = isReplacedUnseen ? readCookieSession(ctx, options) : loaded
  if (effect === undefined) return { before, after: before, isExtended: false }
  return { before, after: effect === 'saved' ? saved : undefined, isExtended: effect === 'saved' }
}

/** An error page of Koa has no cookies, so only the response says whether the browser gets the session. */
function readCookieEffect(ctx: Context, key = defaultKey): RequestChanges['effect'] {
  const header = ctx.res.getHeader('Set-Cookie') ?? []
  const cookies = (Array.isArray(header) ? header : [String(header)]).filter((cookie) =>
    cookie.startsWith(`${key}=`),
  )
  const last = cookies.at(-1)
  if (last === undefined) return undefined
  return last.startsWith(`${key}=;`) ? 'removed' : 'saved'
}
