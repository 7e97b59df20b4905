/** Cuts a text that a stranger may have made long: for a log, or for an answer that quotes what was sent. */
export function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  // The cut could leave the first half of a surrogate pair behind.
  return `${text.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
