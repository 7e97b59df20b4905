import { isConfirmed, type SessionHistory } from './sessionHistory.ts'
import type { StoredEnd, StoredSessions } from './storedSessions.ts'

/** Counts what happened, for the reader of the output. */
export function summarize(
  histories: readonly SessionHistory[],
  { rows }: StoredSessions,
  warnings: readonly Record<string, unknown>[],
) {
  const ends = [...rows.values()].flat()
  const byId = new Map(ends.map((end) => [end.id, end]))
  return {
    sessions: countBy(histories, ({ ending }) => ending),
    confirmed: histories.filter(({ reports }) => reports.some(isConfirmed)).length,
    answers: countBy(
      histories.flatMap(({ reports }) => reports),
      ({ kind, status }) => `${kind} ${status}`,
    ),
    rows: countBy(ends, describeEnd),
    corrections: countBy(
      ends.filter(({ supersedes }) => supersedes !== null),
      (end) => `${describeEnd(byId.get(end.supersedes ?? 0))} by ${describeEnd(end)}`,
    ),
    warnings: countBy(warnings, ({ msg }) => String(msg)),
  }
}

const describeEnd = (end: StoredEnd | undefined) => `${end?.detectedBy} ${end?.reason}`

export function countBy<T>(values: readonly T[], getKey: (value: T) => string): Record<string, number> {
  const groups = Map.groupBy(values, getKey)
  return Object.fromEntries([...groups].map(([key, group]) => [key, group.length]))
}
