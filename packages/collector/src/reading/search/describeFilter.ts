import type { SessionEndFilter } from '../filter.ts'
import { formatSearch, type Search } from './parseSearch.ts'

/**
 * Describes a filter as one text, such as `site:acme reason:logout from:2026-01-01T00:00:00.000Z`. Except for the times,
 * it is a search that selects the same rows.
 */
export function describeFilter({
  site,
  subject,
  session,
  reason,
  evidence,
  from,
  to,
  search,
}: SessionEndFilter): string {
  const terms = Object.entries({ site, user: subject, session, reason, evidence }).flatMap(([key, text]) =>
    // The keys of the object are keys of searches.
    text === undefined
      ? []
      : [{ key: key as 'site', values: [{ text, isPrefix: false }], isExcluded: false }],
  ) satisfies Search['terms']
  const times = [from && `from:${from.toISOString()}`, to && `to:${to.toISOString()}`].filter(
    (text) => text !== undefined,
  )
  const parts = [formatSearch({ terms: [...terms, ...(search?.terms ?? [])] }), ...times]
  return parts.filter((part) => part !== '').join(' ')
}
