import { describe, expect, test } from 'vitest'
import { formatLimit } from '../src/page/formatLimit.ts'

describe('formatLimit', () => {
  test.each([
    [45, 'en', '45 seconds'],
    [60, 'en', '1 minute'],
    [90, 'en', '90 seconds'],
    [1800, 'en', '30 minutes'],
    [5400, 'en', '90 minutes'],
    [43_200, 'en', '12 hours'],
    [86_400, 'en', '1 day'],
    [1.5, 'en', '1.5 seconds'],
    [1800, 'de', '30 Minuten'],
    [3600, 'fr', '1 heure'],
  ])('formats %f seconds in the language %s as "%s"', (seconds, language, words) => {
    expect(formatLimit(seconds, language).replace('\u00a0', ' ')).toBe(words)
  })
})
