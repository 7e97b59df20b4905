import { useState } from 'preact/hooks'
import { getParameterLabel } from '../format/labels.ts'
import { clearedFilters, type Route, type RouteChanges } from '../state/route.ts'
import { type TimeRange, timeRanges } from '../state/timeRanges.ts'
import { SelectFilter, TextFilter, TimeFilter } from './filterFields.tsx'

interface Props {
  readonly route: Route
  readonly sites: readonly string[]
}

export function FilterForm({ route, sites }: Props) {
  const applyFilters = (changes: RouteChanges) => route.navigate({ ...changes, cursor: null })
  const [clearCount, setClearCount] = useState(0)
  const clearFilters = () => {
    // A new key also discards a time that was typed but never applied.
    setClearCount((last) => last + 1)
    if (filterNames.some((name) => route.get(name))) applyFilters(clearedFilters)
  }
  const buildFieldProps = (name: FilterName) => ({
    label: getParameterLabel(name),
    value: route.get(name),
    applyValue: (value: string) => applyFilters({ [name]: value }),
  })
  const buildTimeProps = (name: 'from' | 'to') => ({
    ...buildFieldProps(name),
    applyValue: (value: string) => applyFilters({ [name]: value, range: null }),
  })

  return (
    <form class="filter-form" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      <fieldset class="time-ranges">
        <legend class="visually-hidden">Time range</legend>
        {rangeNames.map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={route.timeRange === range}
            onClick={() => applyFilters({ range, from: null, to: null })}
          >
            {timeRanges[range].label}
          </button>
        ))}
      </fieldset>
      <div class="filter-fields">
        <SelectFilter {...buildFieldProps('site')} options={new Map(sites.map((site) => [site, site]))} />
        <TextFilter {...buildFieldProps('search')} />
        <TimeFilter key={`from ${clearCount}`} {...buildTimeProps('from')} />
        <TimeFilter key={`to ${clearCount}`} {...buildTimeProps('to')} />
        <button type="button" onClick={clearFilters}>
          Clear
        </button>
      </div>
    </form>
  )
}

type FilterName = keyof typeof clearedFilters

// Both are typed as `string[]`, although these are exactly the objects' keys.
const filterNames = Object.keys(clearedFilters) as FilterName[]
const rangeNames = Object.keys(timeRanges) as TimeRange[]
