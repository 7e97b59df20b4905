import type { Route } from '../state/route.ts'
import { formatSort, parseSort, type SortField } from '../state/sort.ts'

interface Props {
  readonly field: SortField
  readonly label: string
  readonly route: Route
  readonly class?: string
}

/** A column header whose link sorts by the column, and reverses the order if it is sorted already. */
export function SortableHeader({ field, label, route, class: className }: Props) {
  const current = parseSort(route.get('sort'))
  const isSorted = current.field === field
  const isDescending = isSorted ? !current.isDescending : field !== 'subject'
  return (
    <th
      scope="col"
      class={className}
      aria-sort={isSorted ? (current.isDescending ? 'descending' : 'ascending') : undefined}
    >
      <a
        {...route.buildLinkProps({ sort: formatSort({ field, isDescending }), cursor: null })}
        title={`Sort by “${label}”`}
      >
        {label}
        <span class="sort-arrow" aria-hidden="true">
          {isSorted ? (current.isDescending ? '↓' : '↑') : '↕'}
        </span>
      </a>
    </th>
  )
}
