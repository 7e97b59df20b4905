import type { SessionEnd } from '../domain/sessionEnd.ts'

/** The fields that lists can be sorted by, each with the fields that order rows with the same value. */
const sortFields = {
  detectedAt: ['detectedAt', 'id'],
  receivedAt: ['receivedAt', 'id'],
  elapsedMs: ['elapsedMs', 'id'],
  subject: ['subject', 'detectedAt', 'id'],
} as const satisfies Readonly<Record<string, readonly (keyof SessionEnd)[]>>

type SortField = keyof typeof sortFields

/** The orders of lists. A `-` means descending. Null is the lowest value. */
export const sorts = [
  'detectedAt',
  '-detectedAt',
  'receivedAt',
  '-receivedAt',
  'elapsedMs',
  '-elapsedMs',
  'subject',
  '-subject',
] as const satisfies readonly (SortField | `-${SortField}`)[]

export type Sort = (typeof sorts)[number]

/** Newest detection first. */
export const defaultSort: Sort = '-detectedAt'

export const isDescending = (sort: Sort): boolean => sort.startsWith('-')

/** Returns the fields that determine the order of rows. Together they are unique. */
export function getSortFields(sort: Sort) {
  // Each sort is the name of a field, with or without a `-`.
  return sortFields[sort.replace('-', '') as SortField]
}
