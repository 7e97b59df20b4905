import { setTimeout as sleep } from 'node:timers/promises'
import { staleMarkMs } from '../../domain/disturbance.ts'
import type { LiveSession } from '../../domain/liveSession.ts'
import { hasErrorCode } from '../../domain/thrownError.ts'
import { removeRowValues } from '../../observability/describeDatabaseError.ts'
import { MarkerLinks } from '../../recording/markerLinks.ts'
import { compareIds, formatId, type SessionId } from '../../recording/sessionIds.ts'
import { isRetryable } from '../database/databaseErrors.ts'
import { isRefusal } from '../database/isRefusal.ts'
import { isServerError } from '../database/mysql/mysqlClient.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute, toDatetime } from '../database/mysql/preparedStatements.ts'
import { insertSessionEnds } from './insertSessionEnds.ts'
import { lockLive, selectLinks } from './linkedSessions.ts'
import { toKeyValues, toLiveSession, toLiveValues } from './liveColumns.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import type { MysqlSweepStatements } from './mysqlSweepStatements.ts'
import { readHistories } from './readHistories.ts'
import { splitAndPadRows } from './splitRows.ts'
import { decideChunk, getPosition, listIds, listLoneMarkers, selectIndependent } from './sweepDecisions.ts'
import { emptyChunk, type SweepPosition, type SweepRequest, type SweptChunk } from './sweepRepository.ts'

export const chunkSize = 500
const maxAttempts = 8
/** A trigger of the application can violate a unique key of its own each time. */
const maxAttemptsAfterDuplicate = 4
/** A transaction takes about as long. Two nodes of a cluster that chose the same sessions should not do so again. */
const maxPauseMs = 100

export interface SweepStatements extends MysqlSweepStatements {
  readonly sessions: MysqlStatements
}

/** What holds during one chunk. */
interface ChunkContext {
  readonly connection: MysqlConnection
  readonly statements: SweepStatements
  readonly now: Date
  /** For how long nothing has disturbed the reports of activity. */
  readonly undisturbedMs: number
}

/** Sweeps the next sessions, see `SweepRepository`. */
export async function sweepMysqlChunk(
  connection: MysqlConnection,
  statements: SweepStatements,
  { collectorId, after }: SweepRequest,
): Promise<SweptChunk> {
  const [state] = await execute<SweepState[]>(connection.connection, statements.readState, [collectorId])
  if (!state || Number(state.now) - Number(state.markedAt) > staleMarkMs) return emptyChunk
  const context = {
    connection,
    statements,
    now: new Date(Number(state.now)),
    undisturbedMs: Number(state.now) - Number(state.disturbedAt),
  }
  return sweep(context, () => selectDue(context, after))
}

interface SweepState {
  readonly now: number | string
  readonly disturbedAt: number | string
  readonly markedAt: number | string
}

/**
 * @param select locks and returns sessions.
 * @returns `next` only if there may be more sessions after these.
 */
async function sweep(
  context: ChunkContext,
  select: () => Promise<readonly LiveSession[]>,
  attempt = 1,
): Promise<SweptChunk> {
  const { connection } = context.connection
  let selected: readonly LiveSession[] = []
  try {
    await execute(connection, 'start transaction')
    selected = await select()
    const { rows, removed } = await writeTimeouts(context, selected)
    await execute(connection, 'commit')
    const next = selected.length < chunkSize ? undefined : getPosition(selected)
    return { rows, removed, refusals: [], next }
  } catch (error) {
    // The connection is closed if it failed, or if the rollback fails.
    if (!isServerError(error)) throw error
    await execute(connection, 'rollback')
    const isDuplicate = hasErrorCode(error, ['ER_DUP_ENTRY'])
    if (
      attempt < (isDuplicate ? maxAttemptsAfterDuplicate : maxAttempts) &&
      (isDuplicate || isRetryable(error))
    ) {
      if (!isDuplicate) await sleep(Math.random() * maxPauseMs * attempt)
      return sweep(context, select, attempt + 1)
    }
    if (!isRefusal(error)) throw error
    const [live] = selected
    if (live && selected.length === 1)
      return { ...emptyChunk, refusals: [removeRowValues(error, { ...live, ip: null })] }
    return sweepHalves(context, selected)
  }
}

/** A trigger of the application may refuse a row. It must not keep the others from being recorded. */
async function sweepHalves(context: ChunkContext, sessions: readonly LiveSession[]): Promise<SweptChunk> {
  const middle = sessions.length >> 1
  const halves: SweptChunk[] = []
  for (const half of [sessions.slice(0, middle), sessions.slice(middle)])
    halves.push(await sweep(context, () => lockSessions(context, half)))
  return {
    rows: halves.flatMap(({ rows }) => rows),
    removed: halves.reduce((total, { removed }) => total + removed, 0),
    refusals: halves.flatMap(({ refusals }) => refusals),
    next: sessions.length < chunkSize ? undefined : getPosition(sessions),
  }
}

async function selectDue(
  { connection: { connection }, statements, now, undisturbedMs }: ChunkContext,
  after: SweepPosition | undefined,
): Promise<readonly LiveSession[]> {
  const due = [toDatetime(now), undisturbedMs]
  const found = after
    ? await execute<StoredRecord[]>(connection, statements.lockDueAfter, [
        ...due,
        ...[toDatetime(after.dueAt), toDatetime(after.dueAt), after.site, after.sessionKey],
      ])
    : await execute<StoredRecord[]>(connection, statements.lockDue, due)
  return found.map(toLiveSession)
}

type StoredRecord = Readonly<Record<string, unknown>>

/** Locks sessions again after a rollback. Some may have been used or ended in the meantime. */
async function lockSessions(
  { connection, statements, undisturbedMs }: ChunkContext,
  sessions: readonly LiveSession[],
): Promise<readonly LiveSession[]> {
  const found = await lockLive(connection, statements.sessions, sessions)
  return found.filter(({ waitMs }) => waitMs <= undisturbedMs)
}

async function writeTimeouts(
  { connection, statements: { sessions: statements }, now }: ChunkContext,
  selected: readonly LiveSession[],
): Promise<Pick<SweptChunk, 'rows' | 'removed'>> {
  const candidates = selectIndependent(selected)
  if (candidates.length === 0) return { rows: [], removed: 0 }
  const linked = await lockLinked(connection, statements, listLoneMarkers(candidates))
  const candidateIds = new Set(candidates.map(formatId))
  const independent = candidates.filter(
    ({ site, sessionKey }) =>
      !linked.links.list(site, sessionKey).some((id) => candidateIds.has(formatId(id))),
  )
  const ids = [...independent.flatMap(listIds), ...linked.ids]
  const histories = await readHistories(connection, statements, { withRows: ids, withLogouts: ids })
  const historyByKey = new Map(histories.map((history) => [formatId(history), history]))
  const readRecords = (id: SessionId) => historyByKey.get(formatId(id)) ?? { rows: [], logout: undefined }
  const { rows, ended, moved } = decideChunk(independent, now, readRecords, ({ site, sessionKey }) =>
    linked.links
      .list(site, sessionKey)
      .map((id) => ({ ...readRecords(id), live: linked.live.get(formatId(id)) })),
  )
  await insertSessionEnds(connection, statements, rows)
  for (const keys of splitAndPadRows(ended.map(toKeyValues), connection.maxPacketBytes))
    await execute(connection.connection, statements.deleteLive(keys.length), keys.flat())
  for (const values of splitAndPadRows(
    moved.map((live) => toLiveValues(live, toDatetime)),
    connection.maxPacketBytes,
  ))
    await execute(connection.connection, statements.updateLive(values.length), values.flat())
  return { rows, removed: ended.length - rows.length }
}

/** Finds the sessions under an alias that have one of the markers, and locks those that are live. */
async function lockLinked(
  connection: MysqlConnection,
  statements: MysqlStatements,
  markers: readonly SessionId[],
): Promise<LinkedSessions> {
  const links = new MarkerLinks()
  const found = await selectLinks(connection, statements, markers)
  for (const link of found) links.add(link)
  const ids = [...new Map(found.map((link) => [formatId(link), link])).values()].sort(compareIds)
  const live = await lockLive(connection, statements, ids)
  return { links, ids, live: new Map(live.map((each) => [formatId(each), each])) }
}

interface LinkedSessions {
  readonly links: MarkerLinks
  readonly ids: readonly SessionId[]
  readonly live: ReadonlyMap<string, LiveSession>
}
