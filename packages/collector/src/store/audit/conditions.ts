import type { Knex } from 'knex'
import type { SearchValue } from '../../reading/search/parseSearch.ts'

/** An SQL expression and the values of its parameters. */
export interface Condition {
  readonly sql: string
  readonly values: readonly Knex.RawBinding[]
}

const none: Condition = { sql: '1 = 0', values: [] }

export function joinConditions(conditions: readonly Condition[], operator: 'and' | 'or'): Condition {
  const [first = none, ...others] = conditions
  if (others.length === 0) return first
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(` ${operator} `),
    values: conditions.flatMap(({ values }) => values),
  }
}

/** Adds a condition that must hold. */
export function requireCondition(query: Knex.QueryBuilder, { sql, values }: Condition): void {
  query.whereRaw(`(${sql})`, values)
}

/** Adds a condition that must not hold. An unknown value does not hold. */
export function refuseCondition(query: Knex.QueryBuilder, { sql, values }: Condition): void {
  query.whereRaw(`(${sql}) is not true`, values)
}

/** Matches rows whose column has one of the values. */
export function matchColumn(column: string, searched: readonly SearchValue[]): Condition {
  const exact = searched.filter(({ isPrefix }) => !isPrefix).map(({ text }) => text)
  const prefixes = searched.filter(({ isPrefix }) => isPrefix).map(({ text }) => matchPrefix(column, text))
  if (exact.length === 0) return joinConditions(prefixes, 'or')
  const sql = exact.length === 1 ? `${column} = ?` : `${column} in (${exact.map(() => '?').join(', ')})`
  return joinConditions([{ sql, values: exact }, ...prefixes], 'or')
}

/**
 * Matches texts that start with a prefix, by a range. The columns compare texts by their code points on every database,
 * so a range finds the same rows everywhere, can be read from an index, and has no characters to escape. `LIKE` ignores
 * case in SQLite.
 */
function matchPrefix(column: string, prefix: string): Condition {
  if (prefix === '') return { sql: `${column} is not null`, values: [] }
  const end = computePrefixEnd(prefix)
  return end === undefined
    ? { sql: `${column} >= ?`, values: [prefix] }
    : { sql: `${column} >= ? and ${column} < ?`, values: [prefix, end] }
}

const maxCodePoint = 0x10ffff
const surrogates = { first: 0xd800, last: 0xdfff }

/**
 * Computes the first text, in the order of code points, that is greater than all texts with a prefix.
 *
 * @returns undefined if there is none.
 */
export function computePrefixEnd(prefix: string): string | undefined {
  const codePoints = Array.from(prefix, (character) => character.codePointAt(0) ?? 0)
  while (codePoints.at(-1) === maxCodePoint) codePoints.pop()
  const last = codePoints.pop()
  if (last === undefined) return undefined
  const next = last + 1 === surrogates.first ? surrogates.last + 1 : last + 1
  return String.fromCodePoint(...codePoints, next)
}
