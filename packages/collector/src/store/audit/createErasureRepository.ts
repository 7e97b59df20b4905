import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { createOperationRunner } from '../database/operations.ts'
import { runTransaction } from '../database/runTransaction.ts'
import { getLiveTableName, getRecountTableName, qualify, splitTableName } from '../database/tableName.ts'
import { requestRecount } from '../rollup/flagRecounts.ts'

/** Whose data to erase: that of a user, that of a session, or that of a session if it belongs to the user. */
interface ErasureTarget {
  readonly subject?: string | undefined
  /** The alias, or the marker of a session without one. */
  readonly session?: string | undefined
  /** All sites if undefined. */
  readonly site?: string | undefined
}

export interface PersonalData {
  /** How many rows of the audit table. */
  readonly rows: number
  /** The aliases of the live sessions, or their markers if they have none. */
  readonly liveSessions: readonly string[]
}

/**
 * Erases the personal data of a user. The rows stay, so that counts do not change.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface ErasureRepository {
  /** Finds what `erase` would change. */
  find(target: ErasureTarget): Promise<PersonalData>
  /**
   * Empties the personal columns. Rows without a subject that belong to a session of the user are included. A live session
   * keeps its alias and its marker until it ends, because its next reports would not be recognized otherwise.
   *
   * @returns what was changed.
   */
  erase(target: ErasureTarget): Promise<PersonalData>
}

/** The rows of one transaction. */
const chunkRows = 200

export function createErasureRepository(auditDatabase: AuditDatabase): ErasureRepository {
  const { knex, tableName } = auditDatabase
  const auditTable = splitTableName(tableName)
  const liveTable = qualify(auditTable, getLiveTableName(auditTable.table, 'live'))
  const recountTable = qualify(auditTable, getRecountTableName(auditTable.table))
  const run = createOperationRunner(auditDatabase, {
    dataKind: 'audit',
    privilegeHint: `Grant SELECT and UPDATE on the tables ${tableName} and ${liveTable}, and INSERT on ${recountTable}, to the account that runs "lapse erase".`,
  })
  return {
    find: (target) =>
      run('unlimited', async () => ({
        rows: (await readRows(knex, tableName, target)).length,
        liveSessions: await readLiveSessions(knex(liveTable), target),
      })),
    erase: (target) =>
      run('unlimited', async () => {
        await overwriteErased(knex)
        const liveSessions = await readLiveSessions(knex(liveTable), target)
        // A session that ends meanwhile must not move its subject to the audit table after that was searched.
        await selectTarget(knex(liveTable), target).update({ subject: null, user_agent: null })
        const rows = await readRows(knex, tableName, target)
        const newKeys = new Map<string, string>()
        for (let start = 0; start < rows.length; start += chunkRows)
          await eraseRows(knex, tableName, rows.slice(start, start + chunkRows), newKeys)
        if (isSqlite(knex)) await knex.raw('pragma wal_checkpoint(truncate)')
        return { rows: rows.length, liveSessions }
      }),
  }
}

function selectTarget(
  query: Knex.QueryBuilder,
  { subject, session, site }: ErasureTarget,
): Knex.QueryBuilder {
  return query.where({
    ...(subject !== undefined && { subject }),
    ...(session !== undefined && { session_key: session }),
    ...(site !== undefined && { site }),
  })
}

function readLiveSessions(query: Knex.QueryBuilder, target: ErasureTarget): Promise<string[]> {
  return selectTarget(query, target).orderBy('session_key').pluck('session_key')
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

const columns = ['id', 'site', 'session_key', 'marker']

/** Reads the rows that match, and those of the same sessions that do not say whose they are. */
async function readRows(database: Knex, tableName: string, target: ErasureTarget): Promise<PersonalRow[]> {
  const rows: PersonalRow[] = await selectTarget(database(tableName).select(columns), target).orderBy('id')
  if (target.session !== undefined)
    rows.push(...(await readOtherRevisions(database, tableName, target, rows)))
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

/** Reads the rows of a session that have another key, because its alias was not known yet. */
async function readOtherRevisions(
  database: Knex,
  tableName: string,
  { subject, site }: ErasureTarget,
  rows: readonly PersonalRow[],
): Promise<PersonalRow[]> {
  const known = new Set(rows.map(({ id }) => Number(id)))
  const others: PersonalRow[] = []
  let latest = [...rows]
  while (latest.length > 0) {
    const ids = latest.map(({ id }) => id)
    const corrected = database(tableName).whereIn('id', ids).whereNotNull('supersedes')
    const read: PersonalRow[] = []
    for (const [column, values] of [
      ['supersedes', ids],
      ['id', await corrected.pluck('supersedes')],
    ] as const)
      read.push(
        ...(await selectTarget(database(tableName).select(columns), { subject, site }).whereIn(
          column,
          values,
        )),
      )
    latest = read.filter(({ id }) => !known.has(Number(id)))
    for (const row of latest) known.add(Number(row.id))
    others.push(...latest)
  }
  return others
}

/**
 * Rows of a session keep a common key, which says nothing about the session.
 *
 * @param newKeys the keys of the sessions so far, to which new ones are added
 */
async function eraseRows(
  database: Knex,
  tableName: string,
  rows: readonly PersonalRow[],
  newKeys: Map<string, string>,
): Promise<void> {
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
    // Without their addresses, the rows are no longer part of a burst.
    await requestRecount(
      transaction,
      tableName,
      rows.map(({ id }) => id),
    )
  })
}
