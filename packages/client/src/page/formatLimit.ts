const secondsPerUnit = { minute: 60, hour: 3600, day: 86_400 }

/**
 * Formats a time limit in words, in the largest unit that divides it evenly.
 *
 * @param language a language tag such as `en` or `de-AT`. Default: the browser's language
 */
export function formatLimit(seconds: number, language?: string): string {
  let count = seconds
  let unit = 'second'
  for (const [largerUnit, size] of Object.entries(secondsPerUnit)) {
    if (seconds % size === 0) {
      count = seconds / size
      unit = largerUnit
    }
  }
  return count.toLocaleString(language || [], { style: 'unit', unit, unitDisplay: 'long' })
}
