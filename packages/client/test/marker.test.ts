import { describe, expect, test } from 'vitest'
import { formatLimit } from '../src/limit.ts'
import { formatMarker, newMarker, parseMarker } from '../src/marker.ts'

describe('a marker', () => {
  test('reads as it was written, whatever the ids hold', () => {
    for (const sub of ['u_42', 'a&b=c', 'ü 100%', '"; Path=/', '__proto__', '+']) {
      const text = formatMarker({ ...newMarker(), sub })
      expect(text).toMatch(/^[\w.*+%=&-]+$/)
      expect(parseMarker(text)?.sub).toBe(sub)
    }
  })

  test('may have its fields in any order', () => {
    const { id, since, at } = newMarker()
    expect(
      parseMarker(`${new URLSearchParams({ sub: 'u', at: `${at}`, since: `${since}`, id, v: '1' })}`),
    ).toMatchObject({ id })
  })

  test('cut short anywhere in what it needs is none', () => {
    const text = formatMarker(newMarker())
    for (let length = 0; length < text.length; length++)
      expect(parseMarker(text.slice(0, length))).toBeUndefined()
  })

  test('has a new id each time', () => {
    expect(new Set(Array.from({ length: 100 }, () => newMarker().id)).size).toBe(100)
  })
})

describe('a limit', () => {
  test.each([
    [45, 'en', '45 seconds'],
    [60, 'en', '1 minute'],
    [90, 'en', '90 seconds'],
    [1800, 'en', '30 minutes'],
    [5400, 'en', '90 minutes'],
    [43_200, 'en', '12 hours'],
    [86_400, 'en', '1 day'],
    [1800, 'de', '30 Minuten'],
    [3600, 'fr', '1 heure'],
  ])('of %d s is in %s "%s"', (seconds, language, words) => {
    expect(formatLimit(seconds, language).replace('\u00a0', ' ')).toBe(words)
  })
})
