import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { isRetryable } from './databaseErrors.ts'

const maxAttempts = 5
const maxPauseMs = 20

/** Runs a transaction, and runs it again from the start if it lost to a concurrent one. */
export async function runTransaction<T>(
  database: Knex,
  work: (transaction: Knex.Transaction) => Promise<T>,
  attempt = 1,
): Promise<T> {
  try {
    return await database.transaction(work)
  } catch (error) {
    if (attempt >= maxAttempts || !isRetryable(error)) throw error
    await sleep(Math.random() * maxPauseMs * attempt)
    return runTransaction(database, work, attempt + 1)
  }
}
