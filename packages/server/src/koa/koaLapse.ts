import type { Context } from 'koa'
import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import { attempt } from '../session/attempt.ts'
import type { TagOptions } from '../session/renderTag.ts'
import { readStoredSession, type Session, type StoredSession } from '../session/session.ts'
import { findOwnTimeout } from './knownSession.ts'
import type { RequestChanges } from './requestChanges.ts'
import type { KoaSessionOptions } from './sessionOptions.ts'

/** What `ctx.lapse` can do. Nothing here throws. Whatever reads the session makes koa-session load it. */
export interface KoaLapse {
  /** The signed-in session, or undefined. For an API: hand it to `@lapse/client`, with `lapse.ticket(session)`. */
  readonly session: Session | undefined

  /** The script tag for the page, as HTML. An empty string if it is unknown whether there is a session. */
  readonly tag: string

  /**
   * Call this at sign-in. It stores the subject and a new alias in `ctx.session`.
   *
   * @param subject an opaque id of the user. Never a name or an email address.
   */
  signIn(subject: string | number): StoredSession | undefined

  /**
   * Call this if the application keeps `ctx.session` at sign-out, or if the sign-out is not a logout: `'idle_timeout'`
   * from the application's own idle timer, for example. `ctx.session = null` needs no call.
   */
  signOut(reason?: EndReason): void

  /**
   * Ends any session of the same store: reports it, then destroys it. Rejects only if the store fails.
   *
   * @param key the session's key in the store: `ctx.session.externalKey`.
   */
  end(key: string, reason: 'revoked' | 'displaced'): Promise<void>
}

interface KoaLapseParts {
  readonly lapse: LapseServer
  readonly ctx: Context
  /** The options that koa-session should have. */
  readonly options: KoaSessionOptions
  readonly changes: RequestChanges
  tagOptions(): TagOptions
  end(key: string, reason: 'revoked' | 'displaced', ctx: Context): Promise<void>
}

export function createKoaLapse({ lapse, ctx, options, changes, tagOptions, end }: KoaLapseParts): KoaLapse {
  const attemptWithSession = <Result>(action: () => Result) =>
    attempt(lapse, () => {
      checkSetup(ctx, options)
      return action()
    })
  return {
    get session() {
      return attemptWithSession(() => readSession(ctx, options))
    },
    get tag() {
      return attemptWithSession(() => lapse.tag(readSession(ctx, options) ?? null, tagOptions())) ?? ''
    },
    signIn: (subject) =>
      attemptWithSession(() => {
        const session = lapse.createSession(subject)
        if (ctx.session) ctx.session.lapse = session
        else ctx.session = { lapse: session }
        return session
      }),
    signOut: (reason = 'logout') =>
      attemptWithSession(() => {
        changes.reason = reason
        if (ctx.session) delete ctx.session.lapse
      }),
    end: (key, reason) => end(key, reason, ctx),
  }
}

function readSession({ session }: Context, { maxAge }: KoaSessionOptions): Session | undefined {
  const stored = readStoredSession(session?.lapse)
  if (!stored) return undefined
  const ownMaxAge: unknown = session.maxAge
  return {
    ...stored,
    ...findOwnTimeout({ maxAgeMs: typeof ownMaxAge === 'number' ? ownMaxAge : undefined }, maxAge),
  }
}

function checkSetup({ sessionOptions }: Context, { valid }: KoaSessionOptions): void {
  if (sessionOptions?.valid !== valid)
    throw new LapseServerError(
      'unexpected',
      'koa-session does not have the options of lapseKoa. Call app.use(session(sessions.options, app)) after app.use(sessions.middleware).',
    )
}
