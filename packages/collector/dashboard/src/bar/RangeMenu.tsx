import { readPeriod } from '../state/period.ts'
import type { Route } from '../state/route.ts'
import { type TimeRange, timeRanges } from '../state/timeRanges.ts'
import { CustomPeriod } from './CustomPeriod.tsx'
import { MonthGrid } from './MonthGrid.tsx'

interface Props {
  readonly route: Route
  readonly chooseRange: (range: TimeRange) => void
  readonly close: () => void
}

// Typed as `string[]`, although these are exactly the object's keys.
const rangeNames = Object.keys(timeRanges) as TimeRange[]

/** All time ranges, whole months, and any other period. */
export function RangeMenu({ route, chooseRange, close }: Props) {
  const { timeRange, zone } = route
  const choosePeriod = (from: number, to: number | null) => {
    close()
    route.navigate({
      range: 'custom',
      from: new Date(from).toISOString(),
      to: to === null ? null : new Date(to).toISOString(),
      cursor: null,
    })
  }
  return (
    <div class="range-menu">
      <ul class="range-list">
        {rangeNames.map((range) => (
          <li key={range}>
            <button
              type="button"
              aria-pressed={timeRange === range}
              onClick={() => {
                close()
                chooseRange(range)
              }}
            >
              {timeRanges[range].label}
            </button>
          </li>
        ))}
      </ul>
      <div>
        <MonthGrid zone={zone} choose={choosePeriod} />
        <CustomPeriod period={readPeriod(route, Date.now())} zone={zone} apply={choosePeriod} />
      </div>
    </div>
  )
}
