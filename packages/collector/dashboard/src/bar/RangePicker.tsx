import { PopoverButton } from '../components/PopoverButton.tsx'
import { formatPeriod } from '../format/period.ts'
import { readPeriod } from '../state/period.ts'
import type { Route } from '../state/route.ts'
import { type TimeRange, timeRanges } from '../state/timeRanges.ts'
import { RangeMenu } from './RangeMenu.tsx'

interface Props {
  readonly route: Route
}

/** One click away on wide screens. The menu has all ranges. */
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

// Typed as `string[]`, although these are exactly the object's keys.
const frequentNames = Object.keys(frequentRanges) as (keyof typeof frequentRanges)[]

export function RangePicker({ route }: Props) {
  const { timeRange } = route
  const chooseRange = (range: TimeRange) => route.navigate({ range, from: null, to: null, cursor: null })
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
          onClick={() => chooseRange(range)}
        >
          {frequentRanges[range]}
        </button>
      ))}
      <PopoverButton
        class={`more-ranges ${Object.hasOwn(frequentRanges, timeRange) ? '' : 'chosen'}`}
        title="Time range"
        label={<MenuLabel route={route} />}
      >
        {(close) => <RangeMenu route={route} chooseRange={chooseRange} close={close} />}
      </PopoverButton>
    </fieldset>
  )
}

/** Names the current range if no other button does. The style sheet hides the other buttons on narrow screens. */
function MenuLabel({ route }: Props) {
  const { timeRange, zone } = route
  const { from, to } = readPeriod(route, Date.now())
  const label = timeRange === 'custom' ? formatPeriod(from, to, zone) : timeRanges[timeRange].label
  if (!Object.hasOwn(frequentRanges, timeRange)) return label
  return (
    <>
      <span class="current-range">{label}</span>
      <span class="more-label">More</span>
    </>
  )
}
