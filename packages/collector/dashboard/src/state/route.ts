import { useEffect, useState } from 'preact/hooks'
import { setDisplayZone } from '../format/dateTime.ts'
import type { Zone } from './calendar.ts'
import { translateOldUrl } from './searchTerms.ts'
import { defaultTimeRange, isTimeRange, type TimeRange } from './timeRanges.ts'

/** A query parameter of the page's URL, which holds everything that a shared link must show again. */
type ParameterName =
  | 'range'
  | 'from'
  | 'to'
  | 'search'
  | 'site'
  /** `0` turns the comparison with the previous period off. */
  | 'compare'
  /** `utc`, or missing for the user's time zone. */
  | 'tz'
  /** The tab beside the chart. */
  | 'tab'
  | 'sort'
  | 'cursor'
  /** The id of the session end whose details are open. */
  | 'row'
  /** The subject whose history is open. */
  | 'user'
  /** `1` shows the live sessions. */
  | 'live'

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
  readonly zone: Zone
  /** Whether the user wants to see the previous period. */
  readonly isComparing: boolean
}

/** Clears every filter except `range`. */
export const clearedFilters = {
  site: null,
  search: null,
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
  const zone = get('tz') === 'utc' ? 'utc' : 'local'
  setDisplayZone(zone)
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
    timeRange: get('from') || get('to') ? 'custom' : isTimeRange(range) ? range : defaultTimeRange,
    zone,
    isComparing: get('compare') !== '0',
  }
}

/** Whether no modifier key is held down, which would open a link elsewhere. */
export const isPlainClick = ({ ctrlKey, metaKey, shiftKey, altKey }: MouseEvent) =>
  !(ctrlKey || metaKey || shiftKey || altKey)

function readHistoryEntry() {
  const search = translateOldUrl(location.search)
  if (search !== location.search) history.replaceState(history.state, '', search || location.pathname)
  // Only `navigate` writes the state of history entries.
  const state = history.state as { readonly navigation: Navigation } | null
  return { search, navigation: state?.navigation ?? null }
}
