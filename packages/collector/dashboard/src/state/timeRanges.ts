/** The time ranges that the user can choose, which all end now. */
export const timeRanges = {
  '24h': { label: '24 hours', days: 1 },
  '7d': { label: '7 days', days: 7 },
  '30d': { label: '30 days', days: 30 },
  '90d': { label: '90 days', days: 90 },
  '1y': { label: '1 year', days: 365 },
  '5y': { label: '5 years', days: 5 * 365 },
} as const

export type TimeRange = keyof typeof timeRanges

// `in` would also accept `constructor` and other inherited names.
export const isTimeRange = (name: string): name is TimeRange => Object.hasOwn(timeRanges, name)
