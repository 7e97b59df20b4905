import type { Knex } from 'knex'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { type Flag, flags } from '../../reading/search/flags.ts'
import type { Search, SearchValue, Term } from '../../reading/search/parseSearch.ts'
import { toStoredTime } from '../database/storedTime.ts'
import {
  type Condition,
  joinConditions,
  matchColumn,
  refuseCondition,
  requireCondition,
} from './conditions.ts'
import { type FilteredRows, matchFlag } from './flagConditions.ts'

export type { FilteredRows }

/**
 * Adds the conditions of a filter to a query. Everything that reads the audit table by a filter uses this function, so
 * that lists, feeds, counts and summaries select the same rows.
 *
 * @example query.modify(filterRows, { database, tableName, alias: 'a' }, filter)
 */
export function filterRows(query: Knex.QueryBuilder, rows: FilteredRows, filter: SessionEndFilter): void {
  const { from, to, search, site, subject, session, reason, evidence } = filter
  for (const [column, value] of Object.entries({ site, subject, session, reason, evidence }))
    if (value !== undefined) query.where(`${rows.alias}.${column}`, value)
  if (from) query.where(`${rows.alias}.detected_at`, '>=', toStoredTime(rows.database, from))
  if (to) query.where(`${rows.alias}.detected_at`, '<', toStoredTime(rows.database, to))
  if (search) searchRows(query, rows, filter, search)
}

function searchRows(
  query: Knex.QueryBuilder,
  rows: FilteredRows,
  filter: SessionEndFilter,
  { terms }: Search,
): void {
  const required = Map.groupBy(
    terms.filter(({ isExcluded }) => !isExcluded),
    ({ key }) => key,
  )
  for (const [key, alternatives] of required) {
    const values = alternatives.flatMap((term) => term.values)
    requireCondition(query, matchKey(key, values, rows, filter))
  }
  for (const { key, values, isExcluded } of terms)
    if (isExcluded) refuseCondition(query, matchKey(key, values, rows, filter))
}

function matchKey(
  key: Term['key'],
  values: readonly SearchValue[],
  rows: FilteredRows,
  filter: SessionEndFilter,
): Condition {
  if (key === 'flag') {
    const found = flags.filter((flag) => values.some(({ text }) => text === flag))
    return joinConditions(
      found.map((flag: Flag) => matchFlag(flag, rows, filter)),
      'or',
    )
  }
  const conditions = columns[key].map((column) => matchColumn(`${rows.alias}.${column}`, values))
  if (key === 'session' || key === 'any') conditions.push(...matchMarker(rows.alias, values))
  return joinConditions(conditions, 'or')
}

/** The columns that a key searches. A row matches if one of them does. */
const columns = {
  user: ['subject'],
  session: ['session'],
  any: ['subject', 'session'],
  site: ['site'],
  reason: ['reason'],
  evidence: ['evidence'],
  origin: ['origin'],
  ip: ['ip'],
} as const satisfies Record<Exclude<Term['key'], 'flag'>, readonly string[]>

/** Matches the ids of markers, which are UUIDs in lower case. Other texts are not compared with them. */
function matchMarker(alias: string, values: readonly SearchValue[]): Condition[] {
  const possible = values
    .map(({ text, isPrefix }) => ({ text: text.toLowerCase(), isPrefix }))
    .filter(({ text, isPrefix }) => (isPrefix ? /^[\da-f-]{1,36}$/ : /^[\da-f-]{36}$/).test(text))
  return possible.length === 0 ? [] : [matchColumn(`${alias}.marker`, possible)]
}
