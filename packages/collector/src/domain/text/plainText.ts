/**
 * What no text in a log, on a terminal or in an id may hold: control characters (they forge lines, and drive terminals;
 * C1 as well as C0), line separators, halves of characters, and what turns the direction of text.
 */
const unsafe = '[\\p{Cc}\\p{Cs}\\p{Zl}\\p{Zp}\\p{Bidi_Control}]'

const hasUnsafe = new RegExp(unsafe, 'u')
const eachUnsafe = new RegExp(unsafe, 'gu')

export function isPlainText(text: string): boolean {
  return !hasUnsafe.test(text)
}

/** Shows what is unsafe as an escape, such as `\u009b`, which JSON reads back as what it was. */
export function escapeUnsafe(text: string): string {
  return text.replace(
    eachUnsafe,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Puts the replacement character in the place of what is unsafe. */
export function replaceUnsafe(text: string): string {
  return text.replace(eachUnsafe, '\ufffd')
}
