import type { FastifyInstance, FastifyRequest } from 'fastify'
import { attempt } from '../session/attempt.ts'
import type { FastifyLapse } from './fastifyLapse.ts'
import { findHostSession } from './hostSession.ts'
import type { LapseFastifyOptions } from './options.ts'
import { RequestFollower } from './requestFollower.ts'

export type { FastifyLapse } from './fastifyLapse.ts'
export { endSession, type FastifySessionStore, observeStore } from './observeStore.ts'
export type { LapseFastifyOptions } from './options.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The session of this request, from `lapseFastify`. */
    lapse: FastifyLapse
  }
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
export function lapseFastify(app: FastifyInstance, options: LapseFastifyOptions, done: () => void): void {
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

// What fastify-plugin does: the hooks apply to the whole application, not only to the routes of this plugin.
Object.assign(lapseFastify, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@lapse/server',
  [Symbol.for('plugin-meta')]: { name: '@lapse/server', fastify: '5.x' },
})
