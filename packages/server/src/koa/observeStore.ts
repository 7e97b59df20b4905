import type { Context } from 'koa'
import type { KoaSessionStore, KoaStoreOptions } from './sessionOptions.ts'

/** Learns what koa-session does with a store. */
export interface StoreObserver {
  /** The store has answered. */
  onRead(key: string, data: unknown): void
  onWritten(key: string, data: unknown, ctx: Context | undefined): void
  /** The store is about to destroy a session. */
  onDestroy(key: string): void
  onDestroyed(ctx: Context | undefined): void
}

/** Wraps a store. Every call reaches the store as it is, and every result and error comes back as it is. */
export function observeStore(store: KoaSessionStore, observer: StoreObserver): KoaSessionStore {
  return {
    async get(key, maxAge, options) {
      const data = await store.get(key, maxAge, options)
      observer.onRead(key, data)
      return data
    },
    async set(key, data, maxAge, options) {
      const result = await store.set(key, data, maxAge, options)
      observer.onWritten(key, data, options?.ctx)
      return result
    },
    async destroy(key, options) {
      observer.onDestroy(key)
      const result = await store.destroy(key, options)
      observer.onDestroyed(options?.ctx)
      return result
    },
  }
}

type ContextStore = new (ctx: Context) => KoaSessionStore

/** Wraps a class of stores, of which koa-session creates one for each request. */
export function observeContextStore(Store: ContextStore, observer: StoreObserver): ContextStore {
  return class ObservedStore implements KoaSessionStore {
    readonly #store: KoaSessionStore

    constructor(ctx: Context) {
      this.#store = observeStore(new Store(ctx), observer)
    }

    get(key: string, maxAge: number, options: KoaStoreOptions) {
      return this.#store.get(key, maxAge, options)
    }

    set(key: string, data: Readonly<Record<string, unknown>>, maxAge: number, options: KoaStoreOptions) {
      return this.#store.set(key, data, maxAge, options)
    }

    destroy(key: string, options: KoaStoreOptions) {
      return this.#store.destroy(key, options)
    }
  }
}
