import { PopoverButton } from '../components/PopoverButton.tsx'
import { formatPeriod } from '../format/period.ts'
import { readPeriod } from '../state/period.ts'
import type { Route } from '../state/route.ts'
import { type TimeRange, timeRanges } from '../state/timeRanges.ts'
import { CustomPeriod } from './CustomPeriod.tsx'
import { MonthGrid } from './MonthGrid.tsx'

interface Props {
  readonly route: Route
}

/** One click away on wide screens. The names of the others are in the menu. */
const frequentRanges = {
  '1h': 'Last hour',
  today: 'Today',
  yesterday: 'Yesterday',
  week: 'This week',
  '7d': '7 days',
  '30d': '30 days',
  '90d': '90 days',
  'last-month': 'Last month',
  'last-quarter': 'Last quarter',
} as const satisfies Partial<Record<TimeRange, string>>

// Both are typed as `string[]`, although these are exactly the objects' keys.
const frequentNames = Object.keys(frequentRanges) as (keyof typeof frequentRanges)[]
const allNames = Object.keys(timeRanges) as TimeRange[]

export function RangePicker({ route }: Props) {
  const { timeRange, zone } = route
  const choose = (range: TimeRange) => route.navigate({ range, from: null, to: null, cursor: null })
  const choosePeriod = (from: number, to: number | null) =>
    route.navigate({
      range: 'custom',
      from: new Date(from).toISOString(),
      to: to === null ? null : new Date(to).toISOString(),
      cursor: null,
    })
  const { from, to } = readPeriod(route, Date.now())
  const label = timeRange === 'custom' ? formatPeriod(from, to, zone) : timeRanges[timeRange].label
  const isFrequent = Object.hasOwn(frequentRanges, timeRange)
  return (
    <fieldset class="time-ranges">
      <legend class="visually-hidden">Time range</legend>
      {frequentNames.map((range) => (
        <button
          key={range}
          type="button"
          class="frequent-range"
          aria-pressed={timeRange === range}
          aria-label={timeRanges[range].label}
          onClick={() => choose(range)}
        >
          {frequentRanges[range]}
        </button>
      ))}
      <PopoverButton
        class={`more-ranges ${isFrequent ? '' : 'chosen'}`}
        title="Time range"
        label={
          <>
            <span class="visually-hidden">Time range: </span>
            <span class={isFrequent ? 'current-range' : undefined}>{label}</span>
            {isFrequent && <span class="more-label">More</span>}
          </>
        }
      >
        {(close) => (
          <div class="range-menu">
            <ul class="range-list">
              {allNames.map((range) => (
                <li key={range}>
                  <button
                    type="button"
                    aria-pressed={timeRange === range}
                    onClick={() => {
                      close()
                      choose(range)
                    }}
                  >
                    {timeRanges[range].label}
                  </button>
                </li>
              ))}
            </ul>
            <div>
              <MonthGrid
                zone={zone}
                choose={(from, to) => {
                  close()
                  choosePeriod(from, to)
                }}
              />
              <CustomPeriod
                period={{ from, to }}
                zone={zone}
                apply={(from, to) => {
                  close()
                  choosePeriod(from, to)
                }}
              />
            </div>
          </div>
        )}
      </PopoverButton>
    </fieldset>
  )
}
