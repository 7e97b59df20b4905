/** Migrations are missing. */
export class SchemaOutdatedError extends Error {
  override readonly name = 'SchemaOutdatedError'

  constructor(tableName: string) {
    super(`The table ${tableName} is missing or older than this version needs. Run: lapse migrate`)
  }
}
