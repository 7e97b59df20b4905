import { escapeUnsafe } from '../../domain/text/plainText.ts'

/** Escapes control characters, so that text from rows or other programs cannot control the terminal. */
export function escapeForTerminal(text: string): string {
  return text.split('\n').map(escapeUnsafe).join('\n')
}
