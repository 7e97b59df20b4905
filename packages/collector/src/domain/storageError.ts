/** The database cannot be used. The message is for operators: it may name hosts and tables, so no client gets it. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
}
