import type { Context } from 'koa'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { readSavedSession, readSessionData } from './knownSession.ts'
import { observeContextStore, observeStore, type StoreObserver } from './observeStore.ts'
import type { ChangesByRequest } from './requestChanges.ts'
import type { KoaSessionOptions } from './sessionOptions.ts'
import type { StoredKeys } from './storedKeys.ts'

/**
 * Adds to the options of koa-session what tells Lapse about the sessions. The hooks and the store of the application
 * are called as before.
 */
export function observeOptions<Options extends KoaSessionOptions>(
  lapse: Pick<LapseServer, 'reportError'>,
  options: Options,
  changes: ChangesByRequest,
  keys: StoredKeys,
): Options {
  const { store, ContextStore, valid, beforeSave } = options
  const observer = createStoreObserver(lapse, changes, keys)
  return {
    ...options,
    ...(store && { store: observeStore(store, observer) }),
    ...(ContextStore && { ContextStore: observeContextStore(ContextStore, observer) }),
    valid(ctx: Context, data: unknown) {
      const isValid = valid ? valid(ctx, data) : true
      attempt(lapse, () => {
        if (isValid) changes.get(ctx).loaded = readSessionData(data)
        else changes.get(ctx).isRefused = true
      })
      return isValid
    },
    beforeSave(ctx: Context, session: object) {
      beforeSave?.(ctx, session)
      attempt(lapse, () => {
        changes.get(ctx).saved = readSavedSession(session)
      })
    },
  }
}

function createStoreObserver(
  lapse: Pick<LapseServer, 'reportError'>,
  changes: ChangesByRequest,
  keys: StoredKeys,
): StoreObserver {
  return {
    onRead: (key, data) =>
      attempt(lapse, () => {
        const session = readSessionData(data)
        if (session) keys.remember(key, session)
      }),
    onWritten: (key, data, ctx) =>
      attempt(lapse, () => {
        const session = readSessionData(data)
        keys.remember(key, session)
        if (ctx) Object.assign(changes.get(ctx), { saved: session, effect: 'saved' })
      }),
    onDestroy: (key) => void keys.take(key),
    onDestroyed: (ctx) =>
      attempt(lapse, () => {
        if (ctx) Object.assign(changes.get(ctx), { saved: undefined, effect: 'removed' })
      }),
  }
}
