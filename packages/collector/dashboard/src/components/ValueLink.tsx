import type { ComponentChildren } from 'preact'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { Route } from '../state/route.ts'
import { buildFilterLinkProps, type FilterValue } from '../state/valueFilters.ts'

interface Props {
  readonly filterValue: FilterValue
  readonly route: Route
  /** What to show, if not the value itself. */
  readonly children?: ComponentChildren
  /** Whether the Tab key reaches the link, because no menu offers the same. */
  readonly isTabStop?: boolean
}

/**
 * A value of a row. A click filters by it, and a click with the Alt key excludes it. The keyboard does both in the menu of
 * the row, which keeps hundreds of links out of the tab order.
 */
export function ValueLink({ filterValue, route, children, isTabStop = false }: Props) {
  const { value } = filterValue
  return (
    <a
      {...buildFilterLinkProps(route, filterValue)}
      class="value-link"
      tabIndex={isTabStop ? 0 : -1}
      title={`${escapeUnsafe(value)}\nClick: show only these. Alt-click: exclude them.`}
    >
      {children ?? <bdi>{escapeUnsafe(value)}</bdi>}
    </a>
  )
}
