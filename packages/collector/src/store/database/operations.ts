import { type DataKind, StorageError } from '../../domain/storageError.ts'
import { withinDeadline } from '../../lifecycle/withinDeadline.ts'
import type { AuditDatabase } from './auditDatabase.ts'
import { describeFailure, sanitizeError } from './databaseErrors.ts'

/**
 * Runs one operation of a repository.
 *
 * @param deadlineMs how long the caller waits, in milliseconds. Everything that serves a request has one. When it
 * passes, the signal is aborted.
 * @throws {StorageError} for every failure of the database.
 */
export type RunOperation = <T>(
  deadlineMs: number | 'unlimited',
  operation: (signal: AbortSignal) => Promise<T>,
) => Promise<T>

interface RunnerOptions {
  readonly dataKind: DataKind
  /** Classes of errors that callers handle themselves. These errors are thrown unchanged. */
  readonly expectedErrors?: readonly (abstract new (
    ...args: never[]
  ) => Error)[]
  /** What to do when the account lacks a privilege. */
  readonly privilegeHint?: string
}

export function createOperationRunner(
  { displayName }: Pick<AuditDatabase, 'displayName'>,
  { dataKind, expectedErrors = [], privilegeHint }: RunnerOptions,
): RunOperation {
  return async (deadlineMs, operation) => {
    try {
      if (deadlineMs === 'unlimited') return await operation(new AbortController().signal)
      return await withinDeadline(deadlineMs, operation)
    } catch (error) {
      if (expectedErrors.some((expected) => error instanceof expected)) throw error
      const failure = describeFailure(error, { privilegeHint })
      throw new StorageError(`The database ${displayName} failed: ${failure}`, {
        dataKind,
        cause: sanitizeError(error),
      })
    }
  }
}
