import type { Knex } from 'knex'
import { minuteMs } from '../../domain/durations.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { type Flag, maxDelayMs, maxSkewMs, minBurstRows, reviewFlags } from '../../reading/search/flags.ts'
import { isSqlite } from '../database/isSqlite.ts'
import { checkTime } from '../database/limitTime.ts'
import { toStoredTime } from '../database/storedTime.ts'
import type { EpochSpan } from '../rollup/epochSpan.ts'
import { type Condition, joinConditions } from './conditions.ts'
import { selectSpans } from './selectSpans.ts'

/** The rows of a query that a condition is about. */
export interface FilteredRows {
  readonly database: Knex
  readonly tableName: string
  /** The name of the audit table in the query, such as `a`. It is part of the statement. */
  readonly alias: string
  /** The query selects only rows that were detected in one of these. They start and end with a minute. */
  readonly spans?: readonly EpochSpan[] | undefined
}

/** Matches rows that have a flag. */
export function matchFlag(flag: Flag, rows: FilteredRows, filter: SessionEndFilter): Condition {
  const { alias: a, tableName, database } = rows
  switch (flag) {
    case 'clock_anomaly':
      return { sql: `${a}.reason = 'clock_anomaly'`, values: [] }
    case 'self_reported':
      return { sql: `${a}.evidence = 'self_reported'`, values: [] }
    case 'skew':
      return { sql: `abs(${a}.clock_skew_ms) > ?`, values: [maxSkewMs] }
    case 'late':
      return { sql: getDialect(database).isLate(a), values: [maxDelayMs / 1000] }
    case 'correction':
      return { sql: `${a}.supersedes is not null`, values: [] }
    case 'conflict':
      return {
        sql: `(select corrected.evidence from ?? corrected where corrected.id = ${a}.supersedes) = ${a}.evidence`,
        values: [tableName],
      }
    case 'superseded':
      return {
        sql: `(select successor.id from ?? successor where successor.supersedes = ${a}.id) is not null`,
        values: [tableName],
      }
    case 'burst':
      return matchBurst(rows, filter)
    case 'review':
      return joinConditions(
        reviewFlags.map((each) => matchFlag(each, rows, filter)),
        'or',
      )
  }
}

/** Matches rows of a minute in which their sender reported many ends. The bursts are found first, all at once. */
function matchBurst(
  { database, tableName, alias, spans }: FilteredRows,
  filter: SessionEndFilter,
): Condition {
  const { minute, sender, isAmong } = getDialect(database)
  const bursts = database({ b: tableName }).modify(selectBursts, database, filter)
  if (spans) bursts.modify(selectSpans, database, 'b', spans)
  const columns = { site: `${alias}.site`, sender: sender(alias), minute: minute(alias) }
  return {
    sql: `${alias}.evidence <> 'server' and ${alias}.detected_by <> 'sweep' and ${isAmong(columns)}`,
    values: [bursts],
  }
}

/** Selects site, sender and minute of each burst among the rows `b`. */
function selectBursts(
  query: Knex.QueryBuilder,
  database: Knex,
  { site, from, to }: Pick<SessionEndFilter, 'site' | 'from' | 'to'>,
): void {
  const { minute, sender } = getDialect(database)
  query
    .modify(checkTime, database, 'b')
    .select('b.site', database.raw(`${sender('b')} as sender`), database.raw(`${minute('b')} as minute`))
    .whereNot('b.evidence', 'server')
    .whereNot('b.detected_by', 'sweep')
    .whereRaw('coalesce(b.ip, b.origin) is not null')
    .groupByRaw('1, 2, 3')
    .havingRaw('count(*) >= ?', [minBurstRows])
  if (site !== undefined) query.where('b.site', site)
  // A minute at the edge of the time span counts as a whole.
  if (from) query.where('b.detected_at', '>=', toStoredTime(database, floorToMinute(from)))
  if (to) query.where('b.detected_at', '<', toStoredTime(database, ceilToMinute(to)))
}

const floorToMinute = (time: Date) => new Date(Math.floor(time.getTime() / minuteMs) * minuteMs)
const ceilToMinute = (time: Date) => new Date(Math.ceil(time.getTime() / minuteMs) * minuteMs)

interface Dialect {
  /** The minute of the detection. */
  readonly minute: (alias: string) => string
  /** Identifies who sent the reports. Null if that is unknown. */
  readonly sender: (alias: string) => string
  /** Whether the values are those of a row of a subquery, the parameter, which has the columns in this order. */
  readonly isAmong: (values: Readonly<Record<'site' | 'sender' | 'minute', string>>) => string
  /** Whether more seconds than the parameter passed from the detection to the receipt. */
  readonly isLate: (alias: string) => string
}

const sqlite: Dialect = {
  sender: (alias) => `coalesce(${alias}.ip, ${alias}.origin)`,
  // With `exists`, SQLite may run the subquery again for each row.
  isAmong: ({ site, sender, minute }) => `(${site}, ${sender}, ${minute}) in ?`,
  // The first 16 characters of an ISO 8601 time.
  minute: (alias) => `substr(${alias}.detected_at, 1, 16)`,
  isLate: (alias) =>
    `unixepoch(${alias}.received_at, 'subsec') - unixepoch(${alias}.detected_at, 'subsec') > ?`,
}

const mysql: Dialect = {
  // Temporary tables reserve space for the longest text: MariaDB took twice as long without the hash.
  sender: (alias) => `unhex(sha2(coalesce(${alias}.ip, ${alias}.origin), 256))`,
  // With `in`, MySQL runs the subquery again for each row if the condition is only a part of another one: with 5,000 rows
  // that took minutes.
  isAmong: ({ site, sender, minute }) =>
    `exists (select 1 from ? bursts where bursts.site = ${site} and bursts.sender = ${sender} and bursts.minute = ${minute})`,
  minute: (alias) => `timestampdiff(minute, '1970-01-01', ${alias}.detected_at)`,
  isLate: (alias) => `${alias}.received_at > ${alias}.detected_at + interval ? second`,
}

const getDialect = (database: Knex) => (isSqlite(database) ? sqlite : mysql)
