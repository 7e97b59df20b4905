import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { decideSweep, type SweepAnswer } from '../../domain/decisions/decideSweep.ts'
import { emptyRecords } from '../../domain/decisions/sessionState.ts'
import { staleMarkMs } from '../../domain/disturbance.ts'
import type { LiveSession } from '../../domain/liveSession.ts'
import { removeRowValues } from '../../observability/describeDatabaseError.ts'
import { identifyFile } from '../database/sqlite/sqliteConnection.ts'
import { toLiveSession } from './liveColumns.ts'
import {
  busyRetryMs,
  isBusy,
  openSessionFile,
  readLinked,
  readRecords,
  type SessionFile,
  writeChange,
} from './sqliteSessionStore.ts'
import { prepareSweepStatements, type SqliteSweepStatements } from './sqliteSweepStatements.ts'
import { getPosition, listIds, listLoneMarkers } from './sweepDecisions.ts'
import { emptyChunk, type SweepRepository, type SweepRequest, type SweptChunk } from './sweepRepository.ts'

/** The thread that accepts reports waits for a chunk, so it is small. */
const chunkSize = 100
const maxAttempts = 50

interface SweepFile extends SessionFile {
  readonly sweep: SqliteSweepStatements
}

/** Sweeps in embedded SQLite on this thread, so that the sweep and the writer never wait for each other. */
export function createSqliteSweep(path: string, tableName: string): SweepRepository {
  let opened: SweepFile | undefined

  function openFile(): SweepFile {
    if (opened && identifyFile(path) !== opened.fileIdentity) close()
    if (!opened) {
      const file = openSessionFile(path, tableName)
      opened = { ...file, sweep: prepareSweepStatements(file.database, tableName, chunkSize) }
    }
    return opened
  }

  function close(): void {
    opened?.database.close()
    opened = undefined
  }

  /** Waits while another process is writing, without blocking this thread. */
  async function use<T>(work: (file: SweepFile) => T): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return work(openFile())
      } catch (error) {
        if (!isBusy(error) || attempt === maxAttempts) throw error
        await sleep(busyRetryMs)
      }
    }
  }

  return {
    // SQLite allows one writer at a time.
    concurrency: 1,
    async sweepChunk(request) {
      // Reports that have arrived meanwhile come first.
      await nextTurn()
      return use((file) => file.database.transaction(() => sweepFile(file, request)).immediate())
    },
    countBySite: () =>
      use(({ sweep }) => new Map(sweep.countBySite.all().map(({ site, count }) => [site, count]))),
    forgetLogouts: (before) => use(({ sweep }) => void sweep.forgetLogouts.run(before.toISOString())),
    async close() {
      close()
    },
  }
}

function sweepFile(file: SweepFile, { collectorId, after }: SweepRequest): SweptChunk {
  const state = file.sweep.readState.get(collectorId)
  const now = new Date()
  if (!state || now.getTime() - state.markedAt > staleMarkMs) return emptyChunk
  const due = [now.toISOString(), now.getTime() - state.disturbedAt] as const
  const found = after
    ? file.sweep.selectDueAfter.all(
        ...due,
        after.dueAt.toISOString(),
        after.dueAt.toISOString(),
        after.site,
        after.sessionKey,
      )
    : file.sweep.selectDue.all(...due)
  const sessions = found.map(toLiveSession)
  const results = sessions.map((live) => sweepSession(file, live, now))
  const answers = results.flatMap((result) => ('answer' in result ? result.answer : []))
  return {
    rows: answers.flatMap((answer) => (answer.kind === 'recorded' ? answer.row : [])),
    removed: answers.filter(({ kind }) => kind === 'removed').length,
    refusals: results.flatMap((result) => ('refusal' in result ? [result.refusal] : [])),
    next: sessions.length < chunkSize ? undefined : getPosition(sessions),
  }
}

type SweepResult = { readonly answer: SweepAnswer } | { readonly refusal: unknown }

function sweepSession({ database, statements }: SessionFile, live: LiveSession, now: Date): SweepResult {
  const [own, underMarker] = listIds(live).map(({ site, sessionKey }) =>
    readRecords(statements, site, sessionKey),
  )
  const state = { own: own ?? emptyRecords, underMarker: underMarker ?? emptyRecords }
  const linked = listLoneMarkers([live]).flatMap(({ site, sessionKey }) =>
    readLinked(statements, site, sessionKey),
  )
  const { changes, answer } = decideSweep(state, now, linked)
  // A transaction within another one is a savepoint.
  const write = database.transaction(() => {
    for (const change of changes) writeChange(statements, change)
  })
  try {
    write()
    return { answer }
  } catch (refusal) {
    // A trigger of the application may refuse one row. An error that ended the transaction fails all of them.
    if (!database.inTransaction) throw refusal
    return { refusal: removeRowValues(refusal, { ...live, ip: null }) }
  }
}
