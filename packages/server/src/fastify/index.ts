import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import type { TagOptions } from '../session/renderTag.ts'
import type { FastifyLapse } from './fastifyLapse.ts'
import { findHostSession } from './hostSession.ts'
import { RequestFollower } from './requestFollower.ts'

export type { FastifyLapse } from './fastifyLapse.ts'
export { endSession, type FastifySessionStore, observeStore } from './observeStore.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of this request, from `lapseFastify`. */
    lapse: FastifyLapse
  }
}

/** The options of `lapseFastify`. */
export interface LapseFastifyOptions {
  /** From `createLapseServer`. */
  readonly lapse: LapseServer

  /**
   * The property of the request with the session: the option `sessionName` of `@fastify/secure-session`.
   *
   * @default 'session'
   */
  readonly sessionName?: string | undefined

  /**
   * Whether a request counts as use of the session. Use it to exclude polls.
   *
   * @default every request that the plugin extends the session for
   */
  readonly isActivity?: ((request: FastifyRequest) => boolean) | undefined

  /** The session's own idle timeout in seconds, if it differs from the others: "remember me". */
  readonly idleTimeoutSeconds?: ((request: FastifyRequest) => number | undefined) | undefined

  /** The nonce of the page's content security policy. */
  readonly nonce?: ((request: FastifyRequest, reply: FastifyReply) => string | undefined) | undefined

  /** More attributes of the script tag. */
  readonly attributes?: TagOptions['attributes']
}

/**
 * A plugin that reports the sessions of `@fastify/session` or `@fastify/secure-session`. Register it after theirs. It
 * adds `request.lapse`.
 *
 * @example
 * ```ts
 * await app.register(fastifySession, { secret, store })
 * await app.register(lapseFastify, { lapse })
 * ```
 */
export const lapseFastify: FastifyPluginCallback<LapseFastifyOptions> = Object.assign(registerHooks, {
  // What fastify-plugin does: the hooks apply to the whole application, not only to the routes of this plugin.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@lapse/server',
  [Symbol.for('plugin-meta')]: { name: '@lapse/server', fastify: '5.x' },
})

function registerHooks(app: FastifyInstance, options: LapseFastifyOptions, done: () => void): void {
  const { lapse, sessionName = 'session' } = options
  const followers = new WeakMap<FastifyRequest, RequestFollower>()
  // Fastify wants to know the property, but every request has its own value.
  app.decorateRequest('lapse', null as unknown as FastifyLapse)
  app.addHook('onRequest', (request, reply, next) => {
    const session = attempt(lapse, () => findHostSession(request, sessionName))
    const follower = new RequestFollower(options, request, reply, session)
    followers.set(request, follower)
    request.lapse = follower.createLapse()
    next()
  })
  // After the hook of the session's plugin, which saves the session, and before the response is sent.
  app.addHook('onSend', (request, _reply, _payload, next) => {
    followers.get(request)?.report()
    next()
  })
  // If the plugin could not save the session, or the application has sent the response without Fastify.
  app.addHook('onResponse', (request, _reply, next) => {
    followers.get(request)?.report()
    next()
  })
  done()
}
