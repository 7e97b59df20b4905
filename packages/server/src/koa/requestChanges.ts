import type { Context } from 'koa'
import type { EndReason } from '../reports.ts'
import type { KoaKnownSession } from './knownSession.ts'

/** What koa-session has done with the session of a request so far. */
export interface RequestChanges {
  /** The session that the request came with. Undefined if the application did not use it. */
  loaded: KoaKnownSession | undefined
  /** koa-session has checked the session and refused it. It has an event for that. */
  isRefused: boolean
  /** The session that was saved last. Undefined if nobody is signed in to it. */
  saved: KoaKnownSession | undefined
  /** What the store has done last. */
  effect: 'saved' | 'removed' | undefined
  /** What the application says about the end of the session. */
  reason: EndReason | undefined
}

/** The changes of each request that is being handled. */
export class ChangesByRequest {
  readonly #changes = new WeakMap<Context, RequestChanges>()

  get(ctx: Context): RequestChanges {
    const known = this.#changes.get(ctx)
    if (known) return known
    const changes: RequestChanges = {
      loaded: undefined,
      isRefused: false,
      saved: undefined,
      effect: undefined,
      reason: undefined,
    }
    this.#changes.set(ctx, changes)
    return changes
  }
}
