/** What the marker cookie holds, under the names that it uses. Times are epoch milliseconds of the browser's clock. */
export interface Marker {
  /** A random id. It identifies the session's end permanently. */
  readonly id: string
  /** When the session started. */
  readonly since: number
  /** When the session was last used. */
  readonly at: number
  /** The session alias. */
  readonly sid?: string | undefined
  /** The subject. */
  readonly sub?: string | undefined
  readonly ticket?: string | undefined
}

// Thirteen digits cover the years 2001 to 2286, and reject a time that was cut short.
const requiredFields = /^1,[\da-f-]{36}(,\d{13}){2}$/

/** Parses the value of a marker cookie. Returns `undefined` if the value is damaged. */
export function parseMarker(text: string): Marker | undefined {
  const fields = Object.fromEntries(new URLSearchParams(text)) as Record<'v' | 'id' | 'since' | 'at', string>
  if (!requiredFields.test(`${[fields.v, fields.id, fields.since, fields.at]}`)) return undefined
  return { ...fields, since: +fields.since, at: +fields.at }
}

/** Formats a marker as a query string, which every server language can read. */
export function formatMarker(marker: Marker): string {
  // If the clock was set back, the session also started later than this time.
  const fields = { v: 1, ...marker, since: Math.min(marker.since, marker.at) }
  // JSON leaves out the fields that are undefined.
  return `${new URLSearchParams(JSON.parse(JSON.stringify(fields)))}`
}

/** Creates the marker of a session that starts now. */
export function createMarker(): Marker {
  // The URL of a blob ends with a random UUID. `crypto.randomUUID` would need a secure context.
  const id = URL.createObjectURL(new Blob()).slice(-36)
  const at = Date.now()
  return { id, since: at, at }
}
