import { formatId, formatKey, type SessionId } from './sessionIds.ts'

/** A session under its alias, and a marker that was reported with the alias. */
export interface MarkerLink extends SessionId {
  readonly marker: string
}

/**
 * How many sessions of a marker are considered, the first ones. A marker has one alias, or a few, unless somebody has made
 * them up: that must not slow down the reports with this marker.
 */
export const maxLinksPerMarker = 20

/** The sessions that have a marker, as far as they are known. */
export class MarkerLinks {
  readonly #ids = new Map<string, Map<string, SessionId>>()

  add({ site, marker, sessionKey }: MarkerLink): void {
    const key = formatKey(site, marker)
    const ids = this.#ids.get(key) ?? new Map<string, SessionId>()
    const id = { site, sessionKey }
    this.#ids.set(key, ids.set(formatId(id), id))
  }

  has(link: MarkerLink): boolean {
    return this.#ids.get(formatKey(link.site, link.marker))?.has(formatId(link)) ?? false
  }

  list(site: string, marker: string): readonly SessionId[] {
    return [...(this.#ids.get(formatKey(site, marker))?.values() ?? [])]
  }
}
