import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { getLiveTableName, qualify, splitTableName } from '../database/tableName.ts'

/** Whose data to erase. */
interface ErasureTarget {
  readonly subject: string
  /** All sites if undefined. */
  readonly site?: string | undefined
}

export interface ErasureCounts {
  /** Rows of the audit table. */
  readonly rows: number
  readonly liveSessions: number
}

/**
 * Erases the personal data of a user. The rows stay, so that counts do not change.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface ErasureRepository {
  /** Counts what `erase` would change. */
  count(target: ErasureTarget): Promise<ErasureCounts>
  /**
   * Empties the personal columns. Rows without a subject that belong to a session of the user are included. A live session
   * keeps its alias and its marker until it ends, because its next reports would not be recognized otherwise.
   *
   * @returns what was changed.
   */
  erase(target: ErasureTarget): Promise<ErasureCounts>
}

/** The rows of one transaction. */
const chunkRows = 200

export function createErasureRepository(auditDatabase: AuditDatabase): ErasureRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    privilegeHint: `Grant SELECT and UPDATE on the tables ${tableName} and ${liveTable} to the account that runs "lapse erase".`,
  })
  return {
    count: (target) =>
      run('unlimited', async () => ({
        rows: (await readRows(knex, tableName, target)).length,
        liveSessions: Number(
          (await selectBySubject(knex(liveTable), target).count({ count: '*' }))[0]?.count,
        ),
      })),
    erase: (target) =>
      run('unlimited', async () => {
        await overwriteErased(knex)
        // A session that ends meanwhile must not move its subject to the audit table after that was searched.
        const liveSessions = await selectBySubject(knex(liveTable), target).update({
          subject: null,
          user_agent: null,
        })
        const rows = await readRows(knex, tableName, target)
        for (let start = 0; start < rows.length; start += chunkRows)
          await eraseRows(knex, tableName, rows.slice(start, start + chunkRows))
        if (isSqlite(knex)) await knex.raw('pragma wal_checkpoint(truncate)')
        return { rows: rows.length, liveSessions }
      }),
  }
}

function selectBySubject(query: Knex.QueryBuilder, { subject, site }: ErasureTarget): Knex.QueryBuilder {
  return query.where({ subject, ...(site !== undefined && { site }) })
}

/** SQLite keeps the old text in the free space of the file, unless it is told to overwrite it. */
async function overwriteErased(database: Knex): Promise<void> {
  if (isSqlite(database)) await database.raw('pragma secure_delete = on')
}

interface PersonalRow {
  readonly id: number
  readonly site: string
  readonly session_key: string
  readonly marker: string | null
}

/** Reads the rows of a user, and those of the same sessions that do not say whose they are. */
async function readRows(database: Knex, tableName: string, target: ErasureTarget): Promise<PersonalRow[]> {
  const columns = ['id', 'site', 'session_key', 'marker']
  const rows: PersonalRow[] = await selectBySubject(database(tableName).select(columns), target).orderBy('id')
  const found = new Map(rows.map((row) => [Number(row.id), row]))
  for (let start = 0; start < rows.length; start += chunkRows) {
    const keys = rows
      .slice(start, start + chunkRows)
      .flatMap(({ site, session_key: key, marker }) => [
        [site, key],
        ...(marker === null ? [] : [[site, marker]]),
      ])
    for (const column of ['session_key', 'marker']) {
      const related: PersonalRow[] = await database(tableName)
        .select(columns)
        .whereIn(['site', column], keys)
        .whereNull('subject')
        .orderBy('id')
      for (const row of related) found.set(Number(row.id), row)
    }
  }
  return [...found.values()]
}

/** Rows of a session keep a common key, which says nothing about the session. */
async function eraseRows(database: Knex, tableName: string, rows: readonly PersonalRow[]): Promise<void> {
  const newKeys = new Map<string, string>()
  await runTransaction(database, async (transaction) => {
    for (const { id, site, session_key: key } of rows) {
      const session = JSON.stringify([site, key])
      const newKey = newKeys.get(session) ?? `erased-${randomUUID()}`
      newKeys.set(session, newKey)
      await transaction(tableName).where({ id }).update({
        session_key: newKey,
        marker: null,
        session: null,
        subject: null,
        ip: null,
        user_agent: null,
      })
    }
  })
}
