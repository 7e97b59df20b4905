import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../test/databases.ts'
import { openStore, parseConfig } from '../src/index.ts'
import { environment, writtenConfig } from './collector.ts'

const migrations = [
  '0001_session_audit',
  '0002_tokens',
  '0003_read_indexes',
  '0004_rollup',
  '0005_rollup_by_site',
  '0006_filter_indexes',
  '0007_dashboard_sessions',
  '0008_received_index',
]

describe.each(inject('databaseServers'))('migration on $name', (server) => {
  test('makes a table whose name is as long as names may be', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    const schema = server.url === undefined ? '' : `${new URL(database.url).pathname.slice(1)}.`
    const table = schema + 'a'.repeat(48)
    const { database: location } = parseConfig(writtenConfig(database.url, { table }), environment)
    const store = openStore(location, table)
    onTestFinished(store.close)
    expect(await store.schema.migrate()).toEqual(migrations)
    expect(await database.rows(table)).toEqual([])
  })

  test('runs once, however many processes start it at the same time', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    const { database: location, table } = parseConfig(writtenConfig(database.url), environment)
    const stores = Array.from({ length: 6 }, () => openStore(location, table))
    for (const store of stores) onTestFinished(store.close)
    const ran = await Promise.all(stores.map((store) => store.schema.migrate()))
    expect(ran.flat()).toEqual(migrations)
    expect(await database.rows()).toEqual([])
  })

  test('does the rest of what a killed process left half done', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    const { database: location, table } = parseConfig(writtenConfig(database.url), environment)
    const store = openStore(location, table)
    onTestFinished(store.close)
    const all = await store.schema.migrate()
    await database.sql('session_audit_migrations').delete()
    const dropIndex = () =>
      database.sql.schema.alterTable('session_audit', (columns) => {
        columns.dropIndex([], 'session_audit_by_subject')
      })
    await dropIndex()
    expect(await store.schema.migrate()).toEqual(all)
    await dropIndex()
  })
})
