// knex documents that its dialects can be subclassed, but does not declare their types.
declare module 'knex/lib/dialects/mysql2/index.js' {
  import type { Knex } from 'knex'

  export default class Client_MySQL2 extends Knex.Client {
    _query(connection: unknown, query: unknown): Promise<unknown>
  }
}

declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  import type { Knex } from 'knex'

  export default class Client_BetterSQLite3 extends Knex.Client {
    _query(connection: unknown, query: unknown): Promise<unknown>
  }
}

declare module 'knex/lib/dialects/sqlite3/execution/sqlite-transaction.js' {
  import type { Knex } from 'knex'

  export default class Transaction_Sqlite {
    constructor(client: Knex.Client, ...args: unknown[])
    readonly readOnly: boolean | undefined
    begin(connection: unknown): Promise<unknown>
    query(connection: unknown, sql: string): Promise<unknown>
  }
}
