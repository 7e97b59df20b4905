import type { Config } from '../../config/config.ts'
import { toError } from '../../domain/thrownError.ts'
import { formatLocation } from '../../store/database/databaseUrl.ts'
import type { Store } from '../../store/openStore.ts'
import { type CheckResult, fail, pass, skip, warn } from './checkReport.ts'

/** A larger difference than this is a wrong clock. Live sessions are judged by the database's clock then. */
const maxSkewMs = 1_000

/** Checks the database: its server, schema, the account's privileges, and the clock. */
export async function checkDatabase(store: Store, config: Config): Promise<CheckResult[]> {
  const where = formatLocation(config.database)
  const results: CheckResult[] = []
  try {
    for (const warning of await store.checkServer()) results.push(warn('database', where, warning))
    await store.schema.assertCurrent()
  } catch (error) {
    return [...results, fail('database', where, toError(error).message)]
  }
  if (results.length === 0) results.push(pass('database', where))
  return [...results, ...(await checkPrivileges(store, config)), ...(await checkClock(store, config, where))]
}

async function checkPrivileges(
  store: Store,
  { database, purge, forward, forwardInServe }: Config,
): Promise<CheckResult[]> {
  if (database.dialect === 'sqlite')
    return [skip('privileges', formatLocation(database), 'SQLite has no accounts.')]
  try {
    const missing = await store.findMissingPrivileges({
      purges: purge !== undefined,
      forwards: forwardInServe && Object.keys(forward).length > 0,
    })
    if (missing.length === 0) return [pass('privileges', formatLocation(database))]
    return missing.map(({ table, privileges, purpose, grant }) =>
      fail(
        'privileges',
        table,
        `The account lacks ${privileges.join(', ')}, which it needs to ${purpose}. Run as an administrator: ${grant}`,
      ),
    )
  } catch (error) {
    return [fail('privileges', formatLocation(database), toError(error).message)]
  }
}

async function checkClock(store: Store, { database }: Config, where: string): Promise<CheckResult[]> {
  if (database.dialect === 'sqlite') return [skip('clock', where, 'SQLite uses the clock of this machine.')]
  try {
    const startedAt = Date.now()
    const { databaseTime } = await store.marks.readClock()
    const skewMs = measureSkewMs(databaseTime, startedAt, Date.now())
    if (Math.abs(skewMs) <= maxSkewMs) return [pass('clock', where)]
    const direction = skewMs > 0 ? 'ahead of' : 'behind'
    return [
      fail(
        'clock',
        where,
        `This machine's clock is ${(Math.abs(skewMs) / 1000).toFixed(1)} seconds ${direction} the database's. Run NTP on both machines.`,
      ),
    ]
  } catch (error) {
    return [fail('clock', where, toError(error).message)]
  }
}

/** Measures how far this machine's clock is ahead. The database read its clock between the two other times. */
function measureSkewMs(databaseTime: number, before: number, after: number): number {
  if (databaseTime < before) return before - databaseTime
  return databaseTime > after ? after - databaseTime : 0
}
