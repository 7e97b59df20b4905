import type { Knex } from 'knex'
import { beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { dumpSchema } from '../../../../test/schemaDump.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import { migrations } from '../../src/store/database/schema/migrationList.ts'
import { runMigrations } from '../../src/store/database/schema/runMigrations.ts'
import { createConfig, environment } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const names = [
  '0001_session_audit',
  '0002_tokens',
  '0003_read_indexes',
  '0004_rollup',
  '0005_rollup_by_site',
  '0006_filter_indexes',
  '0007_dashboard_sessions',
  '0008_received_index',
  '0009_revisions',
  '0010_live_sessions',
  '0011_rollup_progress',
  '0012_marker_indexes.compatible',
  '0013_feed.compatible',
  '0014_forward.compatible',
  '0015_refusals.compatible',
  '0016_search_indexes.compatible',
  '0017_summary_parts.compatible',
]
const table = 'session_audit'
const history = 'session_audit_migrations'

describe.each(inject('databaseServers'))('Migrations on $name', (server) => {
  let expectedSchema: string
  beforeAll(async () => {
    const database = await createDatabase(server)
    await runMigrations(database.sql, table)
    expectedSchema = await readSchema(database)
    await database.drop()
  })

  async function createEmptyDatabase(): Promise<TestDatabase> {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    return database
  }

  function open(database: TestDatabase, tableName = table): Store {
    const config = parseConfig(createConfig(database.url, { table: tableName }), environment)
    const store = openStore(config.database, tableName)
    onTestFinished(store.close)
    return store
  }

  /** The schema, without the lock table of knex's migrator, which earlier versions used. */
  async function readSchema({ sql }: TestDatabase): Promise<string> {
    await sql.schema.dropTableIfExists(`${history}_lock`)
    return dumpSchema(sql)
  }

  const readHistory = ({ sql }: TestDatabase) => sql(history).orderBy('id').pluck('name')

  test('Migrations create tables for the longest name that the configuration allows', async () => {
    const database = await createEmptyDatabase()
    const schema = server.url === undefined ? '' : `${new URL(database.url).pathname.slice(1)}.`
    const longName = schema + 'a'.repeat(48)
    expect(await open(database, longName).schema.migrate()).toEqual(names)
    expect(await database.readRows(longName)).toEqual([])
  })

  test('Each migration runs once, however many processes migrate at the same time', async () => {
    const database = await createEmptyDatabase()
    const stores = Array.from({ length: 6 }, () => open(database))
    const ran = await Promise.all(stores.map((store) => store.schema.migrate()))
    expect(ran.flat()).toEqual(names)
    expect(await readHistory(database)).toEqual(names)
    expect(await open(database).schema.migrate()).toEqual([])
  })

  test.each(names.slice(0, -1).map((name, index) => ({ name, count: index + 1 })))(
    'Migrations continue where an earlier version stopped after $name',
    async ({ count }) => {
      const upgraded = await createEmptyDatabase()
      await migrateAsEarlierVersion(upgraded.sql, count)
      await insertRows(upgraded.sql, [{ session: 's_1', detected_at: Date.now() }])

      expect(await open(upgraded).schema.migrate()).toEqual(names.slice(count))
      expect(await readHistory(upgraded)).toEqual(names)
      expect(await readSchema(upgraded)).toBe(expectedSchema)
      expect(await upgraded.readRows()).toMatchObject([{ session: 's_1' }])
      await open(upgraded).schema.assertCurrent()
    },
  )

  test('Migrations complete after interruptions between all of their statements', async () => {
    const database = await createEmptyDatabase()
    let interruptions = 0
    for (let allowedChanges = 0, recorded = 0; recorded < names.length; ) {
      const error = await migrateWithInterruption(database.sql, allowedChanges)
      if (!error) break
      expect(error).toMatchObject({ message: 'interrupted' })
      interruptions += 1
      const hasProgressed = (await countRecorded(database.sql)) > recorded
      recorded = await countRecorded(database.sql)
      // Each migration starts again, and is interrupted one statement later.
      allowedChanges = hasProgressed ? 0 : allowedChanges + 1
    }
    expect(interruptions).toBeGreaterThan(25)
    expect(await readHistory(database)).toEqual(names)
    expect(await readSchema(database)).toBe(expectedSchema)
  })

  test('Migrations can run again when their history is lost', async () => {
    const database = await createEmptyDatabase()
    const store = open(database)
    await store.schema.migrate()
    const schema = await readSchema(database)
    const now = Date.now()
    await insertRows(database.sql, [
      { id: 1, session: 's_1', detected_at: now, revision: 1, supersedes: null },
      { id: 2, session: 's_1', detected_at: now, revision: 2, supersedes: 1 },
    ])
    await database.sql(history).delete()
    await database.sql.schema.alterTable(table, (columns) => {
      columns.dropIndex([], `${table}_by_subject`)
    })
    expect(await store.schema.migrate()).toEqual(names)
    expect(sortLines(await readSchema(database))).toEqual(sortLines(schema))
    expect(await database.readRows()).toMatchObject([{ revision: 1 }, { revision: 2, supersedes: 1 }])
  })
})

/** Runs the first migrations with knex's migrator, as earlier versions did. */
async function migrateAsEarlierVersion(sql: Knex, count: number): Promise<void> {
  const earlier = [...migrations].slice(0, count)
  await sql.migrate.latest({
    tableName: history,
    disableTransactions: true,
    migrationSource: {
      getMigrations: async () => earlier,
      getMigrationName: ([name]: (typeof earlier)[number]) => name,
      getMigration: async ([, up]: (typeof earlier)[number]) => ({
        up: (connection) => up(connection, { schema: undefined, table }),
        down: () => Promise.reject(new Error('There is no way back.')),
      }),
    },
  })
}

/** What knex calls for each statement. It declares it as private. */
type QueryRunner = { _query(connection: unknown, query: { readonly sql: string }): Promise<unknown> }

/**
 * Runs the migrations, and fails instead of running the next change of the schema after `allowedChanges` of them.
 *
 * @returns the error.
 */
async function migrateWithInterruption(sql: Knex, allowedChanges: number): Promise<unknown> {
  const client: QueryRunner = sql.client
  const original = client._query
  let changes = 0
  client._query = function (connection, query) {
    const isChange = /^\s*(create|alter|drop|insert|update)/i.test(query.sql)
    if (isChange && !query.sql.includes('lapse_leases')) {
      if (changes === allowedChanges) throw new Error('interrupted')
      changes += 1
    }
    return original.call(this, connection, query)
  }
  return runMigrations(sql, table)
    .then(
      () => undefined,
      (error: unknown) => error,
    )
    .finally(() => {
      client._query = original
    })
}

async function countRecorded(sql: Knex): Promise<number> {
  if (!(await sql.schema.hasTable(history))) return 0
  return (await sql(history).pluck('name')).length
}

/** An index that is created again comes last, and the line before it ends with a comma. */
const sortLines = (schema: string) =>
  schema
    .split('\n')
    .map((line) => line.replace(/,$/, ''))
    .sort()
