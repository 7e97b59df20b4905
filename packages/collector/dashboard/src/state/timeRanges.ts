import { startOfDay, startOfMonth, startOfQuarter, startOfWeek, startOfYear, type Zone } from './calendar.ts'

/** A half-open interval in epoch milliseconds. `to` is null if it ends now. */
interface Period {
  readonly from: number
  readonly to: number | null
}

interface TimeRangeDefinition {
  readonly label: string
  readonly resolve: (now: number, zone: Zone) => Period
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const last = (durationMs: number) => (now: number) => ({ from: now - durationMs, to: null })

/** The time ranges that the user can choose. */
export const timeRanges = {
  '1h': { label: 'Last hour', resolve: last(hourMs) },
  '24h': { label: 'Last 24 hours', resolve: last(dayMs) },
  today: { label: 'Today', resolve: (now, zone) => ({ from: startOfDay(now, zone), to: null }) },
  yesterday: {
    label: 'Yesterday',
    resolve: (now, zone) => ({ from: startOfDay(now, zone, -1), to: startOfDay(now, zone) }),
  },
  week: { label: 'This week', resolve: (now, zone) => ({ from: startOfWeek(now, zone), to: null }) },
  'last-week': {
    label: 'Last week',
    resolve: (now, zone) => ({ from: startOfWeek(now, zone, -1), to: startOfWeek(now, zone) }),
  },
  '7d': { label: 'Last 7 days', resolve: last(7 * dayMs) },
  '30d': { label: 'Last 30 days', resolve: last(30 * dayMs) },
  '90d': { label: 'Last 90 days', resolve: last(90 * dayMs) },
  month: { label: 'This month', resolve: (now, zone) => ({ from: startOfMonth(now, zone), to: null }) },
  'last-month': {
    label: 'Last month',
    resolve: (now, zone) => ({ from: startOfMonth(now, zone, -1), to: startOfMonth(now, zone) }),
  },
  'last-quarter': {
    label: 'Last quarter',
    resolve: (now, zone) => ({ from: startOfQuarter(now, zone, -1), to: startOfQuarter(now, zone) }),
  },
  year: { label: 'This year', resolve: (now, zone) => ({ from: startOfYear(now, zone), to: null }) },
  '1y': { label: 'Last 365 days', resolve: last(365 * dayMs) },
  '5y': { label: 'Last 5 years', resolve: last(5 * 365 * dayMs) },
} as const satisfies Record<string, TimeRangeDefinition>

export type TimeRange = keyof typeof timeRanges

export const defaultTimeRange = '30d' satisfies TimeRange

// `in` would also accept `constructor` and other inherited names.
export const isTimeRange = (name: string): name is TimeRange => Object.hasOwn(timeRanges, name)
