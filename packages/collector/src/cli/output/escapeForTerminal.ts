import { escapeUnsafe } from '../../domain/text/plainText.ts'

/** Text as a terminal may show it: what stored rows or other programs put into it, the terminal must not obey. */
export function escapeForTerminal(text: string): string {
  return text.split('\n').map(escapeUnsafe).join('\n')
}
