import { inspect } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { StorageError } from '../../src/domain/storageError.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import { parseSummaryQuery } from '../../src/reading/summaryQuery.ts'
import { createConfig, environment } from '../support/collector.ts'

async function createStore(server: DatabaseServer): Promise<{ store: Store; database: TestDatabase }> {
  const database = await createDatabase(server)
  onTestFinished(database.drop)
  const config = parseConfig(createConfig(database.url), environment)
  const store = openStore(config.database, config.table)
  onTestFinished(store.close)
  await store.schema.migrate()
  return { store, database }
}

/** Everything that a request may look up. */
function listLookups({ tokens, dashboardSessions, sessionEnds, schema }: Store) {
  return {
    'tokens.find': () => tokens.find('0123456789abcdef'),
    'tokens.list': () => tokens.list(),
    'dashboardSessions.find': () => dashboardSessions.find('secret-hash'),
    'dashboardSessions.findByAlias': () => dashboardSessions.findByAlias('secret-alias'),
    'dashboardSessions.end': () => dashboardSessions.end('secret-hash', new Date()),
    'sessionEnds.find': () => sessionEnds.find(1),
    'schema.assertCurrent': () => schema.assertCurrent(),
  }
}

describe.each(inject('databaseServers'))('On $name', (server) => {
  test('Every failure is a StorageError that names the database and contains no statement or value', async () => {
    const { store, database } = await createStore(server)
    for (const table of ['session_audit', 'session_audit_tokens', 'session_audit_dashboard'])
      await database.sql.schema.dropTable(table)
    const { 'schema.assertCurrent': _, ...lookups } = listLookups(store)
    const operations = {
      ...lookups,
      'sessionEnds.page': () => store.sessionEnds.readPage({ subject: 'secret-subject' }, { limit: 10 }),
      'summaries.summarize': () =>
        store.summaries.summarize({
          ...parseSummaryQuery({}, Date.now()),
          filter: { subject: 'secret-subject' },
        }),
      'rollup.update': () => store.rollup.update(),
      'retention.countExpired': () =>
        store.retention.countExpired({ site: 'secret-site', before: new Date() }),
    }
    for (const [name, operation] of Object.entries(operations)) {
      const error = await operation().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect({ name, error }).toEqual({ name, error: expect.any(StorageError) })
      expect(inspect(error, { depth: 5 }), name).toMatch(
        /The database (sqlite|mysql):.* failed: .*session_audit/,
      )
      expect(inspect(error, { depth: 5 }), name).not.toMatch(/secret|select |update |0123456789abcdef/)
    }
  })
})

const mysqlServers = inject('databaseServers').filter(({ url }) => url !== undefined)

describe.each(mysqlServers)('On $name', (server) => {
  test('Every look-up fails within 6 seconds while its table is locked', async () => {
    const { store, database } = await createStore(server)
    const blocker = await createConnection(database.url)
    onTestFinished(() => blocker.end())
    const tables = ['', '_tokens', '_dashboard', '_migrations'].map(
      (suffix) => `session_audit${suffix} write`,
    )
    await blocker.query(`lock tables ${tables.join()}`)
    const startedAt = performance.now()
    const failures = await Promise.all(
      Object.entries(listLookups(store)).map(async ([name, lookUp]) => ({
        name,
        error: await (lookUp() as Promise<unknown>).catch((error: unknown) => error),
      })),
    )
    expect(performance.now() - startedAt).toBeLessThan(6_000)
    for (const { name, error } of failures)
      expect({ name, error }).toEqual({ name, error: expect.any(StorageError) })
    await blocker.query('unlock tables')
    await expect(store.tokens.list()).resolves.toEqual([])
  })
})
