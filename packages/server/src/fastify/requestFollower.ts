import type { FastifyReply, FastifyRequest } from 'fastify'
import { LapseServerError } from '../errors.ts'
import type { EndReason } from '../reports.ts'
import { attempt } from '../session/attempt.ts'
import type { Session } from '../session/session.ts'
import { reportChange } from '../session/sessionChange.ts'
import type { FastifyLapse } from './fastifyLapse.ts'
import type { HostSession } from './hostSession.ts'
import { endSession, type FastifySessionStore } from './observeStore.ts'
import type { LapseFastifyOptions } from './options.ts'

/** Follows the session of one request. */
export class RequestFollower {
  readonly #options: LapseFastifyOptions
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #host: HostSession | undefined
  #reason: EndReason | undefined
  #isReported = false

  /** @param host the session as the plugin has loaded it. */
  constructor(
    options: LapseFastifyOptions,
    request: FastifyRequest,
    reply: FastifyReply,
    host: HostSession | undefined,
  ) {
    this.#options = options
    this.#request = request
    this.#reply = reply
    this.#host = host
  }

  /** Creates `request.lapse`. */
  createLapse(): FastifyLapse {
    const { lapse } = this.#options
    const getSession = () => attempt(lapse, () => this.#readSession())
    const getTag = () => attempt(lapse, () => this.#renderTag()) ?? ''
    return {
      get session() {
        return getSession()
      },
      get tag() {
        return getTag()
      },
      signIn: (subject) =>
        attempt(lapse, () => {
          const session = lapse.createSession(subject)
          if (!this.#host) throw createMissingSessionError()
          this.#host.write(session)
          return session
        }),
      signOut: (reason) =>
        attempt(lapse, () => {
          this.#reason = reason
          this.#host?.remove()
        }),
      end: (sessionId, reason) => this.#end(sessionId, reason),
    }
  }

  /** Reports what the request has done, once. Call it when the plugin has saved the session. */
  report(): void {
    if (this.#isReported || !this.#host) return
    this.#isReported = true
    const { lapse, isActivity = () => true } = this.#options
    const { before, finish } = this.#host
    attempt(lapse, () => {
      const { after, isExtended } = finish()
      reportChange(lapse, {
        before,
        after: after && { ...after, idleTimeoutSeconds: this.#readOwnTimeout() },
        reason: this.#reason,
        isActivity: () => isExtended && isActivity(this.#request),
      })
    })
  }

  #readSession(): Session | undefined {
    const stored = this.#host?.read()
    return stored && { ...stored, idleTimeoutSeconds: this.#readOwnTimeout() }
  }

  #readOwnTimeout(): number | undefined {
    const { lapse, idleTimeoutSeconds } = this.#options
    return attempt(lapse, () => idleTimeoutSeconds?.(this.#request))
  }

  #renderTag(): string {
    if (!this.#host) throw createMissingSessionError()
    const { lapse, nonce, attributes } = this.#options
    return lapse.tag(this.#readSession() ?? null, { nonce: nonce?.(this.#request, this.#reply), attributes })
  }

  async #end(sessionId: string, reason: 'revoked' | 'displaced'): Promise<void> {
    const { lapse } = this.#options
    const { sessionStore } = this.#request as { readonly sessionStore?: FastifySessionStore }
    if (sessionStore) await endSession(lapse, sessionStore, sessionId, reason)
    else
      lapse.reportError(
        new LapseServerError(
          'unexpected',
          'end: this application has no session store, so nothing was ended.',
        ),
      )
  }
}

function createMissingSessionError(): LapseServerError {
  return new LapseServerError(
    'unexpected',
    'A request has no session. Register lapseFastify after @fastify/session or @fastify/secure-session.',
  )
}
