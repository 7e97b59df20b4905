/**
 * Characters that are unsafe in logs, terminals and ids: control characters (C0 and C1), which can forge lines and send
 * commands to a terminal; line separators; lone surrogates; and characters that change the direction of text.
 */
const unsafe = '[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]'

const hasUnsafe = new RegExp(unsafe, 'u')
const eachUnsafe = new RegExp(unsafe, 'gu')

/** Returns whether a text is free of unsafe characters. */
export function isPlainText(text: string): boolean {
  return !hasUnsafe.test(text)
}

/** Replaces unsafe characters with escapes such as `\u009b`. In a JSON string, parsing restores them. */
export function escapeUnsafe(text: string): string {
  return text.replace(
    eachUnsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Replaces unsafe characters with U+FFFD, the replacement character. */
export function replaceUnsafe(text: string): string {
  return text.replace(eachUnsafe, '\ufffd')
}
