import type { Knex } from 'knex'
import { daySeconds, hourMs, quarterHourMs } from '../../domain/durations.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import type { Reason } from '../../domain/verdict.ts'
import { excludeSelftests } from '../audit/excludeSelftests.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { checkTime } from '../database/limitTime.ts'
import { buildReturnStepExpression, buildStepExpression, type Divide } from './pastLimitStep.ts'
import { getRollupTableNames } from './rollupTables.ts'

/** The SQL expressions that rows are grouped by. */
const groupExpressions = {
  site: () => 'a.site',
  reason: () => 'a.reason',
  evidence: () => 'a.evidence',
  /** The number of the second, quarter of an hour, hour, or day of the detection since 1970 (UTC). */
  second: ({ epochSeconds }) => epochSeconds,
  hour: ({ epochSeconds, divide }) => divide(epochSeconds, hourMs / 1000),
  quarterHour: ({ epochSeconds, divide }) => divide(epochSeconds, quarterHourMs / 1000),
  day: ({ epochSeconds, divide }) => divide(epochSeconds, daySeconds),
  /** When the user returned according to the row, in seconds past the idle timeout: the start of a step. */
  step: ({ divide }) => buildStepExpression(divide),
  /** When the user returned after a timeout that the sweep recorded: the start of a step, or `notReturnedStep`. */
  returnStep: ({ divide, msBetween }) =>
    buildReturnStepExpression(divide, msBetween('a.expired_at', 'r.returned_at')),
} as const satisfies Record<keyof Groups, (dialect: Dialect) => string>

interface Groups {
  readonly site: string
  readonly reason: Reason
  readonly evidence: NewSessionEnd['evidence']
  readonly second: number
  readonly hour: number
  readonly quarterHour: number
  readonly day: number
  readonly step: number
  readonly returnStep: number
}

/** The number of rows in one group. */
export type RowCount<By extends keyof Groups> = Pick<Groups, By> & { readonly count: number }

/** Adds conditions that select rows of the audit table. */
export type SelectRows = (query: Knex.QueryBuilder) => void

/** Which rows to count. */
export interface RowSelection {
  /**
   * How the query finds the rows `a`:
   *
   * - `rows` (default): as the database decides.
   * - `newest`: by the primary key. No database knows that this is fastest for few rows of a large table.
   * - `corrected`: by the rows `s` that supersede them. The condition on `s.supersedes` selects these by their index.
   * - `superseded`: by the rows `s` that supersede them, in the order of the ids of `s`.
   * - `returned`: by the returns `x`, in the order of their ids.
   */
  readonly from?: keyof Dialect['sources']
  readonly selectRows: SelectRows
  /** Ignores returns with a higher id. */
  readonly upToReturnId?: number
  /** Waits for transactions that are changing one of the rows. SQLite does not need the lock, and ignores it. */
  readonly isLocking?: boolean
}

/** Selects a property of the rows `a` that can be grouped by. */
export function selectGroup(connection: Knex, name: keyof Groups): Knex.Raw {
  const dialect = isSqlite(connection) ? sqlite : mysql
  return connection.raw(`${groupExpressions[name](dialect)} as ??`, [name])
}

/** Counts rows of the audit table by groups. Self-tests are excluded. */
export async function countRows<By extends keyof Groups>(
  connection: Knex,
  tableName: string,
  by: readonly By[],
  { from = 'rows', selectRows, isLocking }: RowSelection,
): Promise<RowCount<By>[]> {
  const dialect = isSqlite(connection) ? sqlite : mysql
  const columns = by.map((name) => selectGroup(connection, name))
  const tables = { audit: tableName, returns: getRollupTableNames(tableName).returns }
  const query = connection
    .from(connection.raw(dialect.sources[from], tables))
    .modify(checkTime, connection)
    .select(columns)
    .count({ count: '*' })
    .modify(excludeSelftests)
    // By number, because a group can have the name of a column.
    .groupByRaw(by.map((_, index) => index + 1).join(', '))
    .modify(selectRows)
  if (isLocking) query.forShare()
  const counts: unknown[] = await query
  // These are the columns that the statement selects.
  return counts as RowCount<By>[]
}

type StepGroups = 'day' | 'site' | 'evidence'

/**
 * Counts idle timeouts by when their users returned, and by other groups.
 *
 * A browser that reports a timeout shows that its user is back. A server may report timeouts of users who have not come
 * back, so these are excluded, and so are rows with unknown times. After a timeout that the sweep recorded, the return is
 * in a table of its own.
 */
export async function countSteps<By extends StepGroups>(
  connection: Knex,
  tableName: string,
  by: readonly By[],
  selection: RowSelection,
): Promise<RowCount<By | 'step'>[]> {
  // Only rows from the sweep have a return.
  const reported =
    selection.from === 'returned' ? [] : await countReportedSteps(connection, tableName, by, selection)
  const { returns } = getRollupTableNames(tableName)
  const { upToReturnId, isLocking, ...unlocked } = selection
  const swept = await countRows(connection, tableName, ['returnStep', ...by], {
    // A lock would also lock the gaps between returns, and so delay reports.
    ...unlocked,
    selectRows: (query) =>
      void query
        .modify(selection.selectRows)
        .leftJoin({ r: returns }, (on) => {
          on.on('r.audit_id', 'a.id')
          if (upToReturnId !== undefined) on.andOnVal('r.id', '<=', upToReturnId)
        })
        .where({ 'a.reason': 'idle_timeout', 'a.detected_by': 'sweep' })
        .whereNotNull('a.expired_at'),
  })
  // TypeScript cannot compute the type of the rest.
  const renamed = swept.map(({ returnStep, ...rest }) => ({ ...rest, step: returnStep })) as RowCount<
    By | 'step'
  >[]
  return [...reported, ...renamed]
}

function countReportedSteps<By extends StepGroups>(
  connection: Knex,
  tableName: string,
  by: readonly By[],
  selection: RowSelection,
): Promise<RowCount<By | 'step'>[]> {
  return countRows(connection, tableName, ['step', ...by], {
    ...selection,
    selectRows: (query) =>
      void query
        .modify(selection.selectRows)
        .where('a.reason', 'idle_timeout')
        .whereNotIn('a.detected_by', ['server', 'sweep'])
        .whereBetween('a.elapsed_ms', [-maxElapsedMs, maxElapsedMs])
        .whereNotNull('a.idle_timeout_seconds'),
  })
}

/**
 * Longer than the time between any two valid times. Larger values, written by somebody else, could overflow the
 * arithmetic.
 */
const maxElapsedMs = 1e15

interface Dialect {
  readonly sources: Readonly<Record<'rows' | 'newest' | 'corrected' | 'superseded' | 'returned', string>>
  /** The time of the detection in seconds since 1970 (UTC). */
  readonly epochSeconds: string
  /** The milliseconds from one time to another. */
  readonly msBetween: (from: string, to: string) => string
  /** Integer division. */
  readonly divide: Divide
}

const sqlite: Dialect = {
  sources: {
    rows: ':audit: as a',
    newest: ':audit: as a not indexed',
    corrected: ':audit: as s cross join :audit: as a on a.id = s.supersedes',
    superseded: ':audit: as s not indexed cross join :audit: as a on a.id = s.supersedes',
    returned: ':returns: as x not indexed cross join :audit: as a on a.id = x.audit_id',
  },
  epochSeconds: 'unixepoch(a.detected_at)',
  msBetween: (from, to) =>
    `cast(round((unixepoch(${to}, 'subsec') - unixepoch(${from}, 'subsec')) * 1000) as integer)`,
  divide: (dividend, divisor) => `(${dividend}) / ${divisor}`,
}

const mysql: Dialect = {
  sources: {
    rows: ':audit: as a',
    newest: ':audit: as a force index (primary)',
    corrected: ':audit: as s straight_join :audit: as a on a.id = s.supersedes',
    superseded: ':audit: as s force index (primary) straight_join :audit: as a on a.id = s.supersedes',
    returned: ':returns: as x force index (primary) straight_join :audit: as a on a.id = x.audit_id',
  },
  // Not UNIX_TIMESTAMP(), which interprets the time in the session's time zone.
  epochSeconds: "timestampdiff(second, '1970-01-01', a.detected_at)",
  msBetween: (from, to) => `timestampdiff(microsecond, ${from}, ${to}) div 1000`,
  divide: (dividend, divisor) => `(${dividend}) div ${divisor}`,
}
