const language = navigator.language
const wholeNumber = new Intl.NumberFormat(language)
const compactNumber = new Intl.NumberFormat(language, { notation: 'compact' })
const percentage = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 0 })

const signedPercentage = new Intl.NumberFormat(language, {
  style: 'percent',
  maximumFractionDigits: 0,
  signDisplay: 'always',
})
const signedNumber = new Intl.NumberFormat(language, { signDisplay: 'always' })

export const formatCount = (count: number) => wholeNumber.format(count)

/** Formats a count for an axis: `1.5M`. */
export const formatCompactCount = (count: number) => compactNumber.format(count)

/** Formats a share between 0 and 1. Shows 100 % only if the share is exactly 1. */
export const formatPercent = (share: number) => percentage.format(share < 1 ? Math.min(share, 0.99) : share)

const units = [
  { seconds: 86_400, symbol: 'd' },
  { seconds: 3600, symbol: 'h' },
  { seconds: 60, symbol: 'min' },
  { seconds: 1, symbol: 's' },
] as const

/** Formats how much a count has changed: `+12%`, or `+14` if there was nothing before. */
export function formatChange(count: number, before: number): string {
  if (count === before) return '±0'
  if (before === 0) return signedNumber.format(count)
  return signedPercentage.format((count - before) / before)
}

/** Formats a duration in its two largest units: `1 h 20 min`. */
export function formatDuration(ms: number, unitCount = 2): string {
  const sign = ms < 0 ? '−' : ''
  const totalSeconds = Math.abs(ms) / 1000
  if (totalSeconds < 1) return totalSeconds === 0 ? '0 s' : `${sign}${Math.abs(Math.round(ms))} ms`
  let remaining = Math.round(totalSeconds)
  const parts: string[] = []
  for (const { seconds, symbol } of units) {
    const count = Math.floor(remaining / seconds)
    remaining -= count * seconds
    if (count > 0) parts.push(`${count} ${symbol}`)
    else if (parts.length > 0) break
    if (parts.length === unitCount) break
  }
  return sign + parts.join(' ')
}
