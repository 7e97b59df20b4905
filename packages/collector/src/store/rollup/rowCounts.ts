import type { Knex } from 'knex'
import { daySeconds, quarterHourMs } from '../../domain/durations.ts'
import {
  selftestClient,
  selftestDetectedBy,
  selftestSessionPrefix,
  selftestSubject,
} from '../../domain/selftest.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import type { Reason } from '../../domain/verdict.ts'
import { lastStepSeconds, pastLimitSteps } from '../../reading/pastLimit.ts'
import { isSqlite } from '../database/isSqlite.ts'

/** The SQL expressions that rows are grouped by. */
const groupExpressions = {
  site: () => 'site',
  reason: () => 'reason',
  evidence: () => 'evidence',
  /** The number of the second, quarter of an hour, or day of the detection since 1970 (UTC). */
  second: ({ epochSeconds }) => epochSeconds,
  quarterHour: ({ epochSeconds, divide }) => divide(epochSeconds, quarterHourMs / 1000),
  day: ({ epochSeconds, divide }) => divide(epochSeconds, daySeconds),
  /** When the user returned, in seconds past the idle timeout: the start of a step of `pastLimitSteps`. */
  step: ({ divide }) => buildStepExpression(divide),
} as const satisfies Record<keyof Groups, (dialect: Dialect) => string>

interface Groups {
  readonly site: string
  readonly reason: Reason
  readonly evidence: NewSessionEnd['evidence']
  readonly second: number
  readonly quarterHour: number
  readonly day: number
  readonly step: number
}

/** The number of rows in one group. */
export type RowCount<By extends keyof Groups> = Pick<Groups, By> & { readonly count: number }

/** Adds conditions that select rows of the audit table. */
export type SelectRows = (query: Knex.QueryBuilder) => void

/**
 * Counts rows of the audit table by groups. Self-tests are excluded. When grouped by step, rows without a step are
 * excluded too. Only an idle timeout whose times are known has a step, and only if a browser reported it: a server may
 * report timeouts of users who have not come back.
 *
 * @param index 'id' for few rows at the end of the table: no database knows that the primary key is fastest for these.
 */
export async function countRows<By extends keyof Groups>(
  connection: Knex,
  tableName: string,
  by: readonly By[],
  selectRows: SelectRows,
  index?: 'id',
): Promise<RowCount<By>[]> {
  const dialect = isSqlite(connection) ? sqlite : mysql
  const columns = by.map((name) => connection.raw(`${groupExpressions[name](dialect)} as ??`, [name]))
  const query = connection
    .from(index === 'id' ? connection.raw(dialect.tableByPrimaryKey, [tableName]) : tableName)
    .select(columns)
    .count({ count: '*' })
    .where(excludeSelftests)
    .groupBy(by)
  if (by.some((name) => name === 'step'))
    query
      .where('reason', 'idle_timeout')
      .whereNot('detected_by', 'server')
      .whereBetween('elapsed_ms', [-maxElapsedMs, maxElapsedMs])
      .whereNotNull('idle_timeout_seconds')
  const counts: unknown[] = await query.modify(selectRows)
  // These are the columns that the statement selects.
  return counts as RowCount<By>[]
}

/** The negation of `isSelftest`. */
function excludeSelftests(either: Knex.QueryBuilder): void {
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

/**
 * Longer than the time between any two valid times. Larger values, written by somebody else, could overflow the
 * arithmetic.
 */
const maxElapsedMs = 1e15

interface Dialect {
  /** The table with a hint to use the primary key only. */
  readonly tableByPrimaryKey: string
  /** The time of the detection in seconds since 1970 (UTC). */
  readonly epochSeconds: string
  /** Integer division. */
  readonly divide: (dividend: string, divisor: number) => string
}

const sqlite: Dialect = {
  tableByPrimaryKey: '?? not indexed',
  epochSeconds: 'unixepoch(detected_at)',
  divide: (dividend, divisor) => `(${dividend}) / ${divisor}`,
}

const mysql: Dialect = {
  tableByPrimaryKey: '?? force index (primary)',
  // Not UNIX_TIMESTAMP(), which interprets the time in the session's time zone.
  epochSeconds: "timestampdiff(second, '1970-01-01', detected_at)",
  divide: (dividend, divisor) => `(${dividend}) div ${divisor}`,
}

/** Users who return within the grace period return before the limit. They are counted at 0. */
function buildStepExpression(divide: Dialect['divide']): string {
  const pastMs = 'elapsed_ms - idle_timeout_seconds * 1000'
  const cases = pastLimitSteps.map(
    ({ until, step }) => `when ${pastMs} < ${until * 1000} then (${divide(pastMs, step * 1000)}) * ${step}`,
  )
  return `case when ${pastMs} < 0 then 0 ${cases.join(' ')} else ${lastStepSeconds} end`
}
