import { type Client, tell } from './client.ts'

/** Epoch milliseconds; digits where they come from the cookie. */
type Time = number | string

/** What the marker cookie says, by the names that it has there. */
export interface Marker {
  readonly v: 1 | '1'
  /** Minted when the session starts, and the event's id for ever. */
  readonly id: string
  /** When the session started. */
  readonly since: Time
  /** The last access. */
  readonly at: Time
  readonly sid?: string
  readonly sub?: string
  readonly ticket?: string
}

/** The marker in a cookie's value, or nothing if the value was cut short or is not one of ours. */
export function parseMarker(value: string): Marker | undefined {
  // What must be there is seen to before it is given away.
  const marker = Object.fromEntries(new URLSearchParams(value)) as unknown as Marker
  // Thirteen digits are the years 2001 to 2286: a time cut short is not taken for an early one.
  const isOurs = /^1,[\da-f-]{36}(,\d{13}){2}$/.test(`${[marker.v, marker.id, marker.since, marker.at]}`)
  return isOurs ? marker : undefined
}

/** The marker as a query string, so that any language reads it. */
export function formatMarker(marker: Marker): string {
  // URLSearchParams makes strings of the numbers, which its type does not know.
  return `${new URLSearchParams(marker as unknown as Record<string, string>)}`
}

/** A marker for a session that starts now. */
export function newMarker(): Marker {
  const now = Date.now()
  // On plain http `crypto.randomUUID` is missing. The name of a blob ends in a random UUID there too.
  const id = crypto.randomUUID?.() ?? URL.createObjectURL(new Blob()).slice(-36)
  return { v: 1, id, since: now, at: now }
}

/** The marker cookie as it is. */
export function rawMarker({ cookies, name }: Client): string {
  return cookies.get(name) ?? ''
}

/** The marker on hand. One that can't be read is taken away. */
export function readMarker(client: Client): Marker | undefined {
  const value = rawMarker(client)
  const marker = parseMarker(value)
  if (value && !marker) {
    client.cookies.remove(client.name)
    tell(client, 'marker unreadable', value)
  }
  return marker
}

export function writeMarker(client: Client, marker: Marker) {
  const value = formatMarker(marker)
  // Browsers drop what is longer than 4,096 bytes with its name, and say nothing. Nor do they say that they take no
  // cookies at all.
  if (value.length < 4000) client.cookies.set(client.name, value, { expires: client.days })
  if (rawMarker(client) === value) client.cookies.set(`${client.name}-open`, '1')
  else tell(client, 'marker refused', value)
}
