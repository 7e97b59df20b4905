import { selectCurrent } from '../audit/selectCurrent.ts'
import { type EpochSpan, splitSpan } from './epochSpan.ts'
import type { RollupProgress } from './rollupTables.ts'
import type { RowSelection, SelectRows } from './rowCounts.ts'

/** Rows to add to the counts of a summary, or to subtract from them. */
interface SignedSelection extends RowSelection {
  readonly sign: 1 | -1
}

interface Uncounted {
  readonly rows: readonly SignedSelection[]
  /** Rows whose users have come back: they move from one step to another. */
  readonly returns: readonly SignedSelection[]
}

/**
 * Lists the rows of a summary that does not use the rollup.
 *
 * If these are many, they are all rows less those that were corrected: looking for the correction of each of a million
 * rows took three to five times as long.
 */
export function listAll(tableName: string, selectRows: SelectRows, areFew: boolean): Uncounted {
  const rows: readonly SignedSelection[] = areFew
    ? [{ sign: 1, selectRows: (query) => void query.modify(selectRows).modify(selectCurrent, tableName) }]
    : [
        { sign: 1, selectRows },
        {
          sign: -1,
          from: 'corrected',
          selectRows: (query) => void query.modify(selectRows).where('s.supersedes', '>', 0),
        },
      ]
  return { rows, returns: [] }
}

/**
 * Lists the differences between the rollup and the rows: rows that it does not count yet, counted rows that newer ones
 * correct, and counted rows whose users have come back since. It also lists the rows at the start and the end of the
 * span, where the rollup has only the counts of a whole unit.
 */
export function listUncounted(
  tableName: string,
  { upToId, upToReturnId }: RollupProgress,
  span: EpochSpan,
  unitMs: number,
  selectSpan: (part: EpochSpan) => SelectRows,
): Uncounted {
  const { edges, whole } = splitSpan(span, unitMs)
  const selectCurrentIn =
    (part: EpochSpan): SelectRows =>
    (query) =>
      void query.modify(selectSpan(part)).modify(selectCurrent, tableName)
  const selectCounted =
    (part: EpochSpan): SelectRows =>
    (query) =>
      void query.modify(selectSpan(part)).where('a.id', '<=', upToId)

  const added: SignedSelection[] = [
    {
      sign: 1,
      from: 'newest',
      selectRows: (query) => void query.modify(selectCurrentIn(span)).where('a.id', '>', upToId),
    },
    ...edges.map(
      (edge): SignedSelection => ({
        sign: 1,
        selectRows: (query) => void query.modify(selectCounted(edge)).modify(selectCurrent, tableName),
      }),
    ),
  ]
  if (!whole) return { rows: added, returns: [] }
  const corrected: SignedSelection = {
    sign: -1,
    from: 'superseded',
    upToReturnId,
    selectRows: (query) => void query.modify(selectCounted(whole)).where('s.id', '>', upToId),
  }
  const returned = {
    from: 'returned',
    selectRows: (query) =>
      void query
        .modify(selectCounted(whole))
        .modify(selectCurrent, tableName)
        .where('x.id', '>', upToReturnId),
  } as const satisfies RowSelection
  return {
    rows: [...added, corrected],
    returns: [
      { ...returned, sign: -1, upToReturnId },
      { ...returned, sign: 1 },
    ],
  }
}
