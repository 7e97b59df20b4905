import { AsyncLocalStorage } from 'node:async_hooks'
import type { Adapter } from '@auth/core/adapters'

const reasons = new AsyncLocalStorage<'revoked' | 'displaced'>()

/** Returns the reason that `endSession` was called with. */
export function getEndReason(): 'revoked' | 'displaced' | undefined {
  return reasons.getStore()
}

/**
 * Deletes a session from the database, and reports why. Without it, a session that the application deletes with the
 * adapter's `deleteSession` is reported as `revoked`.
 *
 * @param adapter the adapter of the configuration that `withLapse` has returned.
 * @param sessionToken the session's token.
 * @throws what the adapter throws.
 *
 * @example
 * ```ts
 * await endSession(auth.adapter, sessionToken, 'displaced')
 * ```
 */
export async function endSession(
  adapter: Adapter | undefined,
  sessionToken: string,
  reason: 'revoked' | 'displaced',
): Promise<void> {
  await reasons.run(reason, async () => adapter?.deleteSession?.(sessionToken))
}
