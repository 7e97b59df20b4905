import type { KnownSessionEnd } from '../../domain/decisions/sessionState.ts'
import { formatId, type SessionId } from '../../recording/sessionIds.ts'
import { toSessionEnd } from '../audit/auditColumns.ts'

/** A row of the audit table, and the key of the row that supersedes it. */
export interface LinkedRow {
  readonly row: KnownSessionEnd
  readonly supersededUnder: string | null
}

/** Converts a record with the columns of the audit table and `supersededUnder`, `isSuperseded` and `hasReturn`. */
export function toLinkedRow({
  supersededUnder,
  isSuperseded,
  hasReturn,
  ...fields
}: Readonly<Record<string, unknown>>): LinkedRow {
  return {
    row: { ...toSessionEnd(fields), isSuperseded: Boolean(isSuperseded), hasReturn: Boolean(hasReturn) },
    supersededUnder: typeof supersededUnder === 'string' ? supersededUnder : null,
  }
}

/** Finds the keys of successors that have not been read. A session has another key once its alias is known. */
export function findUnreadKeys(rows: readonly LinkedRow[], read: readonly SessionId[]): SessionId[] {
  const known = new Set(read.map(formatId))
  const unread = new Map<string, SessionId>()
  for (const { row, supersededUnder } of rows) {
    if (supersededUnder === null) continue
    const id = { site: row.site, sessionKey: supersededUnder }
    if (!known.has(formatId(id))) unread.set(formatId(id), id)
  }
  return [...unread.values()]
}

/** Groups rows by their key. */
export function groupRows(rows: readonly LinkedRow[]): ReadonlyMap<string, readonly LinkedRow[]> {
  return Map.groupBy(rows, ({ row }) => formatId(row))
}

/** Collects the rows of a session, those under the keys of successors included, in the order of their ids. */
export function collectRows(
  id: SessionId,
  rowsByKey: ReadonlyMap<string, readonly LinkedRow[]>,
): KnownSessionEnd[] {
  const keys = new Set([formatId(id)])
  const collected: KnownSessionEnd[] = []
  // A set also iterates over what is added meanwhile.
  for (const key of keys)
    for (const { row, supersededUnder } of rowsByKey.get(key) ?? []) {
      collected.push(row)
      if (supersededUnder !== null) keys.add(formatId({ site: row.site, sessionKey: supersededUnder }))
    }
  return collected.sort((a, b) => a.id - b.id)
}
