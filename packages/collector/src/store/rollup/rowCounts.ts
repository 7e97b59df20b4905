import type { Knex } from 'knex'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import type { Reason } from '../../domain/verdict.ts'
import { lastStepSeconds, pastLimitSteps } from '../../reading/pastLimit.ts'
import { isSqlite } from '../database/connect.ts'

/** What rows are counted by. */
const groups = {
  site: () => 'site',
  reason: () => 'reason',
  evidence: () => 'evidence',
  /** The number of the second, the quarter of an hour or the day of the detection since 1970 (UTC). */
  second: ({ seconds }) => seconds,
  quarter: ({ seconds, over }) => over(seconds, 900),
  day: ({ seconds, over }) => over(seconds, 86_400),
  /** The beginning of the one of `pastLimitSteps` in which people came back, in seconds past the idle timeout. */
  step: ({ over }) => stepOf(over),
} as const satisfies Record<keyof Groups, (arithmetic: Arithmetic) => string>

interface Groups {
  readonly site: string
  readonly reason: Reason
  readonly evidence: NewSessionEnd['evidence']
  readonly second: number
  readonly quarter: number
  readonly day: number
  readonly step: number
}

/** How many rows are alike in what they are counted by. */
export type RowCount<By extends keyof Groups> = Pick<Groups, By> & { readonly count: number }

/** Chooses rows of the audit table. */
export type Rows = (query: Knex.QueryBuilder) => void

/**
 * Counts rows of the audit table. Self-tests are no lapses, and are left out; so are those of which a step is asked for
 * and not known.
 *
 * @param through 'id' where the rows are few and at the end of the table, which no database can know.
 */
export async function countRows<By extends keyof Groups>(
  connection: Knex,
  tableName: string,
  by: readonly By[],
  rows: Rows,
  through?: 'id',
): Promise<RowCount<By>[]> {
  const arithmetic = isSqlite(connection) ? sqlite : mysql
  const columns = by.map((name) => connection.raw(`${groups[name](arithmetic)} as ??`, [name]))
  const query = connection
    .from(through === 'id' ? connection.raw(arithmetic.byId, [tableName]) : tableName)
    .select(columns)
    .count({ count: '*' })
    .where(isNoSelftest)
    .groupBy(by)
  if (by.some((name) => name === 'step'))
    query
      .where('reason', 'idle_timeout')
      .whereBetween('elapsed_ms', [-maxElapsedMs, maxElapsedMs])
      .whereNotNull('idle_timeout_seconds')
  const counts: unknown[] = await query.modify(rows)
  // These are the columns that the statement selects.
  return counts as RowCount<By>[]
}

/** The opposite of `isSelftest`. */
function isNoSelftest(either: Knex.QueryBuilder): void {
  either
    .whereNull('client_version')
    .orWhereNot('client_version', selftestClient)
    .orWhereNull('subject')
    .orWhereNot('subject', selftestSubject)
    .orWhereNull('session')
    .orWhereRaw('substr(session, 1, ?) <> ?', [selftestSessionPrefix.length, selftestSessionPrefix])
    .orWhere('evidence', 'server')
    .orWhereNot('detected_by', selftestDetectedBy)
}

/** More than any two times are apart. Beyond it, a row that the host wrote could make the arithmetic overflow. */
const maxElapsedMs = 1e15

interface Arithmetic {
  /** The table, when its rows are to be found by their ids and by no other index. */
  readonly byId: string
  /** The seconds of the detection since 1970 (UTC). */
  readonly seconds: string
  /** A quotient, in whole numbers. */
  readonly over: (dividend: string, divisor: number) => string
}

const sqlite: Arithmetic = {
  byId: '?? not indexed',
  seconds: 'unixepoch(detected_at)',
  over: (dividend, divisor) => `(${dividend}) / ${divisor}`,
}

const mysql: Arithmetic = {
  byId: '?? force index (primary)',
  // Not UNIX_TIMESTAMP(), which takes the time for one of the session's time zone.
  seconds: "timestampdiff(second, '1970-01-01', detected_at)",
  over: (dividend, divisor) => `(${dividend}) div ${divisor}`,
}

/** Whoever comes back within the grace comes before the limit, and is counted at 0. */
function stepOf(over: Arithmetic['over']): string {
  const pastMs = 'elapsed_ms - idle_timeout_seconds * 1000'
  const cases = pastLimitSteps.map(
    ({ until, step }) => `when ${pastMs} < ${until * 1000} then (${over(pastMs, step * 1000)}) * ${step}`,
  )
  return `case when ${pastMs} < 0 then 0 ${cases.join(' ')} else ${lastStepSeconds} end`
}
