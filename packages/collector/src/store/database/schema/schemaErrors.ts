/** A newer version of Lapse has migrated the table, and this version cannot work with it. Waiting does not help. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError'

  constructor(tableName: string, migrations: readonly string[]) {
    super(
      `The table ${tableName} was migrated by a newer version of Lapse (unknown migrations: ${migrations.join(', ')}), and this ` +
        'version cannot work with it. Upgrade Lapse, or restore a backup from before that migration.',
    )
  }
}

/** Migrations are missing. */
export class SchemaOutdatedError extends Error {
  override readonly name = 'SchemaOutdatedError'

  constructor(tableName: string, migrations: readonly string[]) {
    super(
      `The table ${tableName} is missing or outdated (missing migrations: ${migrations.join(', ')}). Run: lapse migrate`,
    )
  }
}
