import type { IncomingMessage, ServerResponse } from 'node:http'
import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import { attempt } from '../session/attempt.ts'
import { checkActivity } from '../session/checkActivity.ts'
import type { TagOptions } from '../session/renderTag.ts'
import { RequestSession } from '../session/requestSession.ts'
import type { StoredSession } from '../session/session.ts'
import { endSession } from './endSession.ts'
import type { SessionStore } from './sessionStore.ts'

export { endSession } from './endSession.ts'
export type { SessionStore, StoreSession } from './sessionStore.ts'
export { type WatchOptions, watchSessionStore } from './watchSessionStore.ts'

/** What `request.lapse` can do. Nothing here throws. */
export interface ExpressLapse {
  /** The signed-in session, or undefined. For an API: hand it to `@lapse/client`, with `lapse.ticket(session)`. */
  readonly session: StoredSession | undefined

  /**
   * The script tag for the page, as HTML. An empty string if it is unknown whether there is a session, because the
   * store is unavailable.
   */
  readonly tag: string

  /**
   * Call this at sign-in, after `request.session.regenerate`. It stores the subject and a new alias in the session.
   *
   * @param subject an opaque id of the user. Never a name or an email address.
   */
  signIn(subject: string | number, options?: SignInOptions): StoredSession | undefined

  /**
   * Call this before the application ends the session, if it is not a logout: `'idle_timeout'` from the application's own
   * idle timer, for example. A logout is noticed without this call.
   */
  signOut(reason?: EndReason): void

  /** Ends any session of the same store. Rejects only if the store fails. */
  end(sid: string, reason: 'revoked' | 'displaced'): Promise<void>
}

/** The options of `signIn`. */
export interface SignInOptions {
  /**
   * This session's own idle timeout in seconds, if it differs from the option of `createLapseServer`: "remember me". The
   * ticket tells it to the collector, so `ticketSecret` or `ticketKey` is required.
   */
  readonly idleTimeoutSeconds?: number | undefined
}

declare global {
  namespace Express {
    interface Request {
      readonly lapse: ExpressLapse
    }
  }
}

/** The options of `lapseExpress`. */
export interface LapseExpressOptions {
  /**
   * Whether a request extends the session. Use it to exclude polls that the application does not count as activity.
   *
   * @default every request with a session
   */
  readonly isActivity?: ((request: IncomingMessage) => boolean) | undefined

  /** The nonce of the page's content security policy. */
  readonly nonce?: ((request: IncomingMessage, response: ServerResponse) => string | undefined) | undefined

  /** More attributes of the script tag. */
  readonly attributes?: TagOptions['attributes']
}

type Request = IncomingMessage & {
  session?: Record<string, unknown> | null | undefined
  sessionStore?: SessionStore | undefined
  lapse?: ExpressLapse
}
type Response = ServerResponse & { locals?: Record<string, unknown> }

const noSessionToSignIn =
  'signIn: the request has no session to store the user in. Check that the session store is connected.'

/** A response that takes longer, such as a stream of events, counts as activity before it is finished. */
const longResponseMs = 1000

/**
 * Creates a middleware that reports the sessions of express-session. It also works with other session middleware that
 * sets `request.session`, such as cookie-session, and with Connect.
 *
 * Put it after the session middleware. It adds `request.lapse`, and the script tag as `response.locals.lapse`.
 *
 * @example
 * ```ts
 * app.use(session({ secret, rolling: true, resave: false, cookie: { maxAge: 1_800_000 } }))
 * app.use(lapseExpress(lapse))
 * ```
 */
export function lapseExpress(
  lapse: LapseServer,
  { isActivity = () => true, nonce, attributes }: LapseExpressOptions = {},
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const warn = createMissingSessionWarning(lapse)
  return (request: Request, response: Response, next) => {
    const isKnown = request.session !== undefined
    if (!isKnown) warn()
    const session = new RequestSession(lapse, {
      read: () => request.session?.lapse,
      write(stored) {
        if (!request.session) throw new LapseServerError('unexpected', noSessionToSignIn)
        request.session.lapse = stored
      },
    })
    const renderTag = () => {
      if (!isKnown) return ''
      return attempt(lapse, () => session.renderTag({ nonce: nonce?.(request, response), attributes })) ?? ''
    }
    request.lapse = createExpressLapse(lapse, request, session, renderTag)
    if (response.locals) defineLocal(response.locals, renderTag)
    if (isKnown) followRequest(response, session, () => checkActivity(lapse, () => isActivity(request)))
    next()
  }
}

function createExpressLapse(
  lapse: LapseServer,
  request: Request,
  session: RequestSession,
  renderTag: () => string,
): ExpressLapse {
  return {
    get session() {
      return session.read()
    },
    get tag() {
      return renderTag()
    },
    signIn: (subject, options) => session.signIn(subject, options),
    signOut: (reason = 'logout') => session.signOut(reason),
    async end(sid, reason) {
      if (request.sessionStore) await endSession(lapse, request.sessionStore, sid, reason)
      else lapse.reportError(new LapseServerError('unexpected', 'end: the request has no session store.'))
    },
  }
}

/**
 * Adds the tag to the variables of templates. It is rendered when a template reads it: the nonce and the session may not be
 * known yet.
 */
function defineLocal(locals: Record<string, unknown>, renderTag: () => string): void {
  Object.defineProperty(locals, 'lapse', {
    get: renderTag,
    // The application may use the name for something else.
    set: (value: unknown) =>
      void Object.defineProperty(locals, 'lapse', { value, writable: true, enumerable: true }),
    enumerable: true,
    configurable: true,
  })
}

function followRequest(response: Response, session: RequestSession, countsAsActivity: () => boolean): void {
  const timer = setTimeout(() => {
    if (countsAsActivity()) session.reportActivity()
  }, longResponseMs).unref()
  const compare = () => {
    clearTimeout(timer)
    session.compare(countsAsActivity())
  }
  response.once('finish', compare)
  response.once('close', () => {
    if (response.writableFinished) return
    compare()
    // The browser did not wait for the response, but the application may still be busy, and sign the user out. Then
    // there will be no "finish".
    response.once('prefinish', compare)
  })
}

function createMissingSessionWarning(lapse: LapseServer): () => void {
  let hasWarned = false
  return () => {
    if (hasWarned) return
    hasWarned = true
    const message =
      'A request has no session. Put lapseExpress after the session middleware, and check that the session store is connected.'
    lapse.reportError(new LapseServerError('unexpected', message))
  }
}
