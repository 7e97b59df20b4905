const secondsPerUnit = { day: 86_400, hour: 3600, minute: 60, second: 1 }

/**
 * Formats a time limit in words, in the largest unit that divides it evenly.
 *
 * @param language a language tag such as `en` or `de-AT`. Default: the browser's language
 */
export function formatLimit(seconds: number, language?: string): string {
  for (const [unit, size] of Object.entries(secondsPerUnit)) {
    if (seconds % size === 0)
      return (seconds / size).toLocaleString(language || undefined, {
        style: 'unit',
        unit,
        unitDisplay: 'long',
      })
  }
  return ''
}
