import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LapseServer } from '../lapseServer.ts'
import type { TagOptions } from '../session/renderTag.ts'

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
