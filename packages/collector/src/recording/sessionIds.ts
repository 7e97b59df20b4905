/** A key of the tables of sessions. */
export interface SessionId {
  readonly site: string
  readonly sessionKey: string
}

export const formatKey = (site: string, sessionKey: string) => `${site}\n${sessionKey}`

/** Writes an id as a key of maps and sets. */
export const formatId = ({ site, sessionKey }: SessionId) => formatKey(site, sessionKey)

/** Compares ids for the order in which every transaction locks them. */
export function compareIds(a: SessionId, b: SessionId): number {
  if (a.site !== b.site) return a.site < b.site ? -1 : 1
  return a.sessionKey < b.sessionKey ? -1 : Number(a.sessionKey > b.sessionKey)
}
