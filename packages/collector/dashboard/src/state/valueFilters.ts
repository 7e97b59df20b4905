import type { Route, RouteChanges } from './route.ts'
import { addTerm, setTerm } from './searchTerms.ts'

/** A value that the user can filter by or exclude. */
export interface FilterValue {
  readonly key: 'user' | 'session' | 'site' | 'reason' | 'evidence' | 'origin' | 'ip' | 'flag'
  readonly value: string
}

/** Returns the changes that show only rows with this value. */
export function filterBy(route: Route, { key, value }: FilterValue): RouteChanges {
  // The site has a field of its own in the bar.
  if (key === 'site') return { site: value, cursor: null }
  return { search: setTerm(route.get('search'), key, value), cursor: null }
}

/** Returns the changes that hide rows with this value. */
export function excludeValue(route: Route, { key, value }: FilterValue): RouteChanges {
  return { search: addTerm(route.get('search'), key, value, true), cursor: null }
}

/** Makes a link that filters by a value. With the Alt key, it excludes the value. */
export function buildFilterLinkProps(route: Route, filterValue: FilterValue) {
  const { href, onClick } = route.buildLinkProps(filterBy(route, filterValue))
  return {
    href,
    onClick(event: MouseEvent) {
      if (!isExcludingClick(event)) return onClick(event)
      // Browsers download the target of a link that is clicked with the Alt key.
      event.preventDefault()
      route.navigate(excludeValue(route, filterValue))
    },
  }
}

const isExcludingClick = ({ altKey, ctrlKey, metaKey, shiftKey }: MouseEvent) =>
  altKey && !(ctrlKey || metaKey || shiftKey)
