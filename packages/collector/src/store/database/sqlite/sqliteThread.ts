import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { toError } from '../../../domain/thrownError.ts'
import { identifyFile } from './sqliteConnection.ts'
import type { SqliteReply, SqliteRequest } from './sqliteWorker.ts'

interface Pending {
  readonly resolve: (reply: SqliteReply) => void
  readonly reject: (error: Error) => void
}

/**
 * A connection to an SQLite file in its own thread. SQLite runs a statement on the calling thread, and a slow one would
 * block the thread that accepts reports.
 */
export class SqliteThread {
  readonly #worker: Worker
  readonly #pending = new Map<number, Pending>()
  readonly #path: string
  readonly #identity: string | undefined
  #lastId = 0
  #failure: Error | undefined

  constructor(path: string) {
    this.#path = path
    this.#identity = identifyFile(path)
    // A checkout runs the TypeScript sources, the package runs JavaScript.
    this.#worker = new Worker(new URL(`./sqliteWorker${extname(import.meta.url)}`, import.meta.url), {
      workerData: { path },
    })
    this.#worker.on('message', (reply: SqliteReply) => {
      this.#pending.get(reply.id)?.resolve(reply)
      this.#pending.delete(reply.id)
    })
    this.#worker.on('error', (error) => this.#fail(toError(error)))
    this.#worker.on('exit', () => this.#fail(new Error('The thread of the SQLite database has exited.')))
    // A running statement keeps the process alive, an idle thread does not.
    this.#worker.unref()
  }

  get isAlive(): boolean {
    return this.#failure === undefined && identifyFile(this.#path) === this.#identity
  }

  /**
   * @param timeLimitMs the time limit of a statement that checks it, see `checkTime`.
   * @throws an error with SQLite's `code` if the statement fails.
   */
  async run(
    sql: string,
    values: readonly unknown[],
    timeLimitMs?: number,
  ): Promise<Extract<SqliteReply, { response: unknown }>> {
    if (this.#failure) throw this.#failure
    this.#lastId += 1
    const request: SqliteRequest = { id: this.#lastId, sql, values, timeLimitMs }
    this.#worker.ref()
    try {
      const reply = await new Promise<SqliteReply>((resolve, reject) => {
        this.#pending.set(request.id, { resolve, reject })
        this.#worker.postMessage(request)
      })
      if ('response' in reply) return reply
      const { message, code } = reply.failure
      throw Object.assign(new Error(message), { code })
    } finally {
      if (this.#pending.size === 0) this.#worker.unref()
    }
  }

  /** Ends the thread after the statement that it is running. */
  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#pending.values()) reject(this.#failure)
    this.#pending.clear()
  }
}
