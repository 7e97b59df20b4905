import type { Context } from 'koa'
import { readSavedSession, readSessionData } from './knownSession.ts'
import { observeContextStore, observeStore, type StoreObserver } from './observeStore.ts'
import type { ChangesByRequest } from './requestChanges.ts'
import type { KoaSessionOptions } from './sessionOptions.ts'
import type { StoredKeys } from './storedKeys.ts'

/**
 * Adds to the options of koa-session what tells Lapse about the sessions. The hooks and the store of the application
 * are called as before.
 *
 * @param attempt runs something that must not throw into koa-session.
 */
export function observeOptions<Options extends KoaSessionOptions>(
  options: Options,
  changes: ChangesByRequest,
  keys: StoredKeys,
  attempt: (action: () => void) => void,
): Options {
  const { store, ContextStore, valid, beforeSave } = options
  const observer = createStoreObserver(changes, keys, attempt)
  return {
    ...options,
    ...(store && { store: observeStore(store, observer) }),
    ...(ContextStore && { ContextStore: observeContextStore(ContextStore, observer) }),
    valid(ctx: Context, data: unknown) {
      const isValid = valid ? valid(ctx, data) : true
      attempt(() => {
        if (isValid) changes.get(ctx).loaded = readSessionData(data)
        else changes.get(ctx).isRefused = true
      })
      return isValid
    },
    beforeSave(ctx: Context, session: object) {
      beforeSave?.(ctx, session)
      attempt(() => {
        changes.get(ctx).saved = readSavedSession(session)
      })
    },
  }
}

function createStoreObserver(
  changes: ChangesByRequest,
  keys: StoredKeys,
  attempt: (action: () => void) => void,
): StoreObserver {
  return {
    onRead: (key, data) =>
      attempt(() => {
        const session = readSessionData(data)
        if (session) keys.remember(key, session)
      }),
    onWritten: (key, data, ctx) =>
      attempt(() => {
        const session = readSessionData(data)
        keys.remember(key, session)
        if (ctx) Object.assign(changes.get(ctx), { saved: session, effect: 'saved' })
      }),
    onDestroy: (key) => void keys.take(key),
    onDestroyed: (ctx) =>
      attempt(() => {
        if (ctx) Object.assign(changes.get(ctx), { saved: undefined, effect: 'removed' })
      }),
  }
}
