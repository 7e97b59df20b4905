import { escapeUnsafe } from '../../domain/text/plainText.ts'

/** Formats a value as JSON that is safe to print on a terminal. */
export function formatJson(value: unknown): string {
  const lines = JSON.stringify(value, undefined, 2).split('\n')
  return `${lines.map(escapeUnsafe).join('\n')}\n`
}
