const sortFields = ['detectedAt', 'receivedAt', 'elapsedMs', 'subject'] as const

export type SortField = (typeof sortFields)[number]

interface Sort {
  readonly field: SortField
  readonly isDescending: boolean
}

const defaultSort: Sort = { field: 'detectedAt', isDescending: true }

/** Parses the `sort` parameter of the URL, such as `-detectedAt`. Anything unknown is the default: the newest first. */
export function parseSort(text: string): Sort {
  const isDescending = text.startsWith('-')
  const field = sortFields.find((name) => name === (isDescending ? text.slice(1) : text))
  return field ? { field, isDescending } : defaultSort
}

/** Formats a sort for the API, or returns null for the API's default. */
export function formatSort({ field, isDescending }: Sort): string | null {
  if (field === defaultSort.field && isDescending) return null
  return `${isDescending ? '-' : ''}${field}`
}

const descriptions: Readonly<Record<SortField, readonly [ascending: string, descending: string]>> = {
  detectedAt: ['oldest first', 'newest first'],
  receivedAt: ['first received first', 'last received first'],
  elapsedMs: ['shortest idle time first', 'longest idle time first'],
  subject: ['by user, A to Z', 'by user, Z to A'],
}

export const describeSort = ({ field, isDescending }: Sort) => descriptions[field][isDescending ? 1 : 0]
