import { describe, expect, test } from 'vitest'
import { createMarker, formatMarker, parseMarker } from '../src/marker/marker.ts'

describe('parseMarker', () => {
  test.each(['u_42', 'a&b=c', 'ü 100%', '"; Path=/', '__proto__', '+'])(
    'reads the subject %j as formatMarker has written it',
    (sub) => {
      const marker = { ...createMarker(), sub }
      const text = formatMarker(marker)
      expect(text).toMatch(/^[\w.*+%=&-]+$/)
      expect(parseMarker(text)).toMatchObject(marker)
    },
  )

  test('accepts the fields in any order, and returns the times as numbers', () => {
    const { id, since, at } = createMarker()
    const text = `${new URLSearchParams({ sub: 'u', at: `${at}`, since: `${since}`, id, v: '1' })}`
    expect(parseMarker(text)).toMatchObject({ id, since, at, sub: 'u' })
  })

  test('rejects a marker that was cut off at any place', () => {
    const text = formatMarker(createMarker())
    const accepted = Array.from(text, (_, length) => text.slice(0, length)).filter(parseMarker)
    expect(accepted).toEqual([])
  })
})

describe('formatMarker', () => {
  test('writes no field that is unknown', () => {
    const marker = { ...createMarker(), sid: undefined, sub: 'u_42' }
    expect([...new URLSearchParams(formatMarker(marker)).keys()].sort()).toEqual([
      'at',
      'id',
      'since',
      'sub',
      'v',
    ])
  })
})

describe('createMarker', () => {
  test('creates a new id each time', () => {
    const ids = Array.from({ length: 100 }, () => createMarker().id)
    expect(new Set(ids).size).toBe(ids.length)
  })
})
