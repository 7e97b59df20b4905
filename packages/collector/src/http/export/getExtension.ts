import type { Choice } from '../request/chooseFormat.ts'

/** Returns how the name of a file with rows ends, after the dot. */
export function getExtension({ format, isJson }: Choice): string {
  if (format === 'csv') return 'csv'
  const kind = isJson ? 'json' : 'ndjson'
  return format === 'ndjson' ? kind : `${format}.${kind}`
}
