/** Shortens a text from outside, for a log or for a response that quotes the request. */
export function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  // The cut can separate a surrogate pair.
  return `${text.slice(0, maxLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}
