import { useEffect, useState } from 'preact/hooks'
import { isTimeRange, type TimeRange } from './timeRanges.ts'

/** A query parameter of the page's URL, which holds the filters, the page of the list and the open session end. */
type ParameterName =
  | 'range'
  | 'site'
  | 'reason'
  | 'evidence'
  | 'subject'
  | 'session'
  | 'from'
  | 'to'
  | 'cursor'
  | 'row'

/** New values of parameters. Null or an empty string removes a parameter. */
export type RouteChanges = Readonly<Partial<Record<ParameterName, string | null>>>

/** What created a history entry. Closing the details, and "Newer" on a later page, go back in the history. */
type Navigation = 'filter' | 'page' | 'detail'

export interface Route {
  /** Returns an empty string for a missing parameter. */
  readonly get: (name: ParameterName) => string
  readonly buildHref: (changes: RouteChanges) => string
  /** Adds a history entry, or replaces the current one. */
  readonly navigate: (changes: RouteChanges, navigation?: Navigation | 'replace') => void
  /** Makes a real link, which modifier keys open in a new tab or window. */
  readonly buildLinkProps: (
    changes: RouteChanges,
    navigation?: Navigation | 'replace',
  ) => { readonly href: string; readonly onClick: (event: MouseEvent) => void }
  /** What created the current history entry, or null if the user opened the URL directly. */
  readonly navigation: Navigation | null
  /** `custom` if the URL has a start or an end time. */
  readonly timeRange: TimeRange | 'custom'
}

/** Clears every filter except `range`. */
export const clearedFilters = {
  site: null,
  reason: null,
  evidence: null,
  subject: null,
  session: null,
  from: null,
  to: null,
} as const satisfies RouteChanges

/** Reads the page's URL and changes it. */
export function useRoute(): Route {
  const [{ search, navigation }, setHistoryEntry] = useState(readHistoryEntry)
  useEffect(() => {
    const update = () => setHistoryEntry(readHistoryEntry())
    addEventListener('popstate', update)
    return () => removeEventListener('popstate', update)
  }, [])
  const parameters = new URLSearchParams(search)
  const get = (name: ParameterName) => parameters.get(name) ?? ''
  const buildHref = (changes: RouteChanges) => {
    const changed = new URLSearchParams(search)
    for (const [name, value] of Object.entries(changes)) {
      if (value) changed.set(name, value)
      else changed.delete(name)
    }
    const query = changed.toString()
    return query ? `?${query}` : location.pathname
  }
  const navigate: Route['navigate'] = (changes, navigation = 'filter') => {
    if (navigation === 'replace') history.replaceState(history.state, '', buildHref(changes))
    else history.pushState({ navigation }, '', buildHref(changes))
    setHistoryEntry(readHistoryEntry())
  }
  const range = get('range')
  return {
    get,
    buildHref,
    navigate,
    buildLinkProps: (changes, navigation) => ({
      href: buildHref(changes),
      onClick(event) {
        if (!isPlainClick(event)) return
        event.preventDefault()
        navigate(changes, navigation)
      },
    }),
    navigation,
    timeRange: get('from') || get('to') ? 'custom' : isTimeRange(range) ? range : '30d',
  }
}

/** Whether no modifier key is held down, which would open a link elsewhere. */
export const isPlainClick = ({ ctrlKey, metaKey, shiftKey, altKey }: MouseEvent) =>
  !(ctrlKey || metaKey || shiftKey || altKey)

function readHistoryEntry() {
  // Only `navigate` writes the state of history entries.
  const state = history.state as { readonly navigation: Navigation } | null
  return { search: location.search, navigation: state?.navigation ?? null }
}
