import type { Knex } from 'knex'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { withLease } from '../../src/store/database/lease.ts'

const servers = inject('databaseServers').filter(({ url }) => url !== undefined)

describe.each(servers)('A lease on $name', (server) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createDatabase(server)
  })
  afterEach(() => database.drop())

  /** Delays the reading of the database's clock, except the first. */
  function delayRenewals(sql: Knex, onStart: () => void, until: Promise<void>): Knex {
    let readings = 0
    const raw = async (statement: string, values: Knex.Value[] = []) => {
      if (statement.startsWith('select') && ++readings > 1) {
        onStart()
        await until
      }
      return sql.raw(statement, values)
    }
    return new Proxy(sql, { get: (target, key) => (key === 'raw' ? raw : Reflect.get(target, key)) })
  }

  test('is free after its work has ended while it was being renewed', async () => {
    const started = Promise.withResolvers<void>()
    const delay = Promise.withResolvers<void>()
    const end = vi.fn()
    const delayed = delayRenewals(database.sql, started.resolve, delay.promise)
    const leased = withLease(delayed, 'test', { waitMs: 0, lifetimeMs: 2_000 }, () => started.promise)
    void leased.then(end)
    await started.promise
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(end).not.toHaveBeenCalled()
    delay.resolve()
    await leased
    expect(await database.sql('lapse_leases')).toEqual([{ name: 'test', holder: null, expires_at: 0 }])
    expect(await withLease(database.sql, 'test', { waitMs: 0 }, async () => 'work')).toBe('work')
  })
})
