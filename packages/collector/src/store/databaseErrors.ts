import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'

/**
 * What a database answers when a statement or a transaction lost against another one and may be tried again: a
 * deadlock (also what Galera says of a conflict between nodes), a lock that was not freed in time, a row that changed
 * since the transaction's snapshot (MariaDB 11), and a commit that Group Replication did not certify.
 */
const retryableCodes = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  'ER_ERROR_DURING_COMMIT',
]

export function hasErrorCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

export function isRetryable(error: unknown): boolean {
  return hasErrorCode(error, retryableCodes)
}

const attempts = 5
const maxPauseMs = 20

/** Runs a transaction, and again from its beginning when it lost against another one. */
export async function runTransaction<T>(
  database: Knex,
  work: (transaction: Knex.Transaction) => Promise<T>,
  attempt = 1,
): Promise<T> {
  try {
    return await database.transaction(work)
  } catch (error) {
    if (attempt >= attempts || !isRetryable(error)) throw error
    await sleep(Math.random() * maxPauseMs * attempt)
    return runTransaction(database, work, attempt + 1)
  }
}
