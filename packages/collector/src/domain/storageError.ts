/** The kind of data that an operation reads or writes. */
export type DataKind = 'audit' | 'tokens' | 'dashboardSessions' | 'schema'

interface StorageErrorOptions {
  readonly dataKind: DataKind
  /** The database's own error, without the statement and the values that drivers attach to it. */
  readonly cause: unknown
}

/**
 * A database operation failed.
 *
 * The message is for operators: which database failed, why, and what to do. It contains no password, no statement and
 * no value of a row, but it names hosts, accounts and tables, so clients must not see it.
 */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly dataKind: DataKind

  constructor(message: string, { dataKind, cause }: StorageErrorOptions) {
    super(message, { cause })
    this.dataKind = dataKind
  }
}
