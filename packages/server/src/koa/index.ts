import type Application from 'koa'
import type { Context, Middleware } from 'koa'
import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import type { TagOptions } from '../session/renderTag.ts'
import { reportEnd } from '../session/sessionChange.ts'
import { readSessionData } from './knownSession.ts'
import { createKoaLapse, type KoaLapse } from './koaLapse.ts'
import { observeOptions } from './observeOptions.ts'
import { reportEvents } from './reportEvents.ts'
import { reportRequest } from './reportRequest.ts'
import { ChangesByRequest } from './requestChanges.ts'
import type { KoaSessionOptions, KoaSessionStore } from './sessionOptions.ts'
import { StoredKeys } from './storedKeys.ts'

export type { KoaLapse } from './koaLapse.ts'
export type { KoaSessionOptions, KoaSessionStore, KoaStoreOptions } from './sessionOptions.ts'

declare module 'koa' {
  interface DefaultContext {
    /** The session of this request, from `lapseKoa`. */
    lapse: KoaLapse
  }
}

/** The options of `lapseKoa`. */
export interface LapseKoaOptions {
  /**
   * Whether a request counts as use of the session. Use it to exclude polls.
   *
   * @default every request that koa-session extends the session for
   */
  readonly isActivity?: ((ctx: Context) => boolean) | undefined

  /** The nonce of the page's content security policy. */
  readonly nonce?: ((ctx: Context) => string | undefined) | undefined

  /** More attributes of the script tag. */
  readonly attributes?: TagOptions['attributes']
}

/** What `lapseKoa` returns. */
export interface KoaSessions<Options extends KoaSessionOptions> {
  /** The options to pass to koa-session. */
  readonly options: Options

  /** The middleware to put before koa-session. It adds `ctx.lapse`, and the script tag as `ctx.state.lapse`. */
  readonly middleware: Middleware

  /**
   * Ends a session: reports it, then destroys it in the store. Within a request, use `ctx.lapse.end`.
   *
   * @param key the session's key in the store: `ctx.session.externalKey`.
   * @throws what the store throws.
   */
  end(key: string, reason: 'revoked' | 'displaced'): Promise<void>
}

/**
 * Reports the sessions of koa-session, in the cookie or in a store.
 *
 * @param sessionOptions the options of koa-session.
 *
 * @example
 * ```ts
 * const sessions = lapseKoa(lapse, app, { maxAge: 1_800_000, rolling: true })
 * app.use(sessions.middleware)
 * app.use(session(sessions.options, app))
 * ```
 */
export function lapseKoa<Options extends KoaSessionOptions>(
  lapse: LapseServer,
  app: Application,
  sessionOptions: Options,
  { isActivity = () => true, nonce, attributes }: LapseKoaOptions = {},
): KoaSessions<Options> {
  const changes = new ChangesByRequest()
  const keys = new StoredKeys()
  const options = observeOptions(lapse, sessionOptions, changes, keys)
  const report = (ctx: Context) =>
    attempt(lapse, () => reportRequest(lapse, ctx, changes.get(ctx), sessionOptions, isActivity))
  reportEvents(lapse, app, keys)

  async function end(key: string, reason: 'revoked' | 'displaced', ctx?: Context): Promise<void> {
    const store = findStore(sessionOptions, ctx)
    if (!store) {
      const message = 'end: the sessions of this application have no store, so they cannot be ended.'
      lapse.reportError(new LapseServerError('unexpected', message))
      return
    }
    const { maxAge, rolling = false } = sessionOptions
    const data = await store.get(key, Number(maxAge), { rolling, ...(ctx && { ctx }) })
    attempt(lapse, () => {
      const session = readSessionData(data)
      if (session) reportEnd(lapse, session, reason)
    })
    keys.take(key)
    await store.destroy(key, { rolling, ...(ctx && { ctx }) })
  }

  return {
    options,
    async middleware(ctx, next) {
      const tagOptions = () => ({ nonce: nonce?.(ctx), attributes })
      ctx.lapse = createKoaLapse({ lapse, ctx, options, tagOptions, changes: changes.get(ctx), end })
      // Rendered when a template reads it: the nonce and the session may not be known yet.
      Object.defineProperty(ctx.state, 'lapse', {
        get: () => ctx.lapse.tag,
        enumerable: true,
        configurable: true,
      })
      try {
        await next()
      } catch (error) {
        // The headers of the error page show whether the browser gets the cookie.
        ctx.res.once('close', () => report(ctx))
        throw error
      }
      report(ctx)
    },
    end,
  }
}

function findStore(
  { store, ContextStore }: KoaSessionOptions,
  ctx: Context | undefined,
): KoaSessionStore | undefined {
  return ContextStore && ctx ? new ContextStore(ctx) : store
}
