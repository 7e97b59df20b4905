import { describe, expect, test } from 'vitest'
import {
  addTerm,
  hasTerm,
  mergeTerms,
  removeTerm,
  setTerm,
  translateOldUrl,
} from '../../dashboard/src/state/searchTerms.ts'
import { parseSearch } from '../../src/reading/search/parseSearch.ts'

describe('The terms of the search', () => {
  test('are added once', () => {
    const search = addTerm('', 'user', 'u_42')
    expect(search).toBe('user:u_42')
    expect(addTerm(search, 'user', 'u_42')).toBe('user:u_42')
    expect(addTerm(search, 'user', 'u_43')).toBe('user:u_42,u_43')
    expect(addTerm(search, 'reason', 'logout', true)).toBe('user:u_42 -reason:logout')
  })

  test('replace their opposite', () => {
    expect(addTerm('-user:u_42,u_43', 'user', 'u_42')).toBe('-user:u_43 user:u_42')
    expect(addTerm('user:u_42', 'user', 'u_42', true)).toBe('-user:u_42')
  })

  test.each(['a b', 'a,b', 'a*', '"', '\\', '-x', 'key:value', '<img src=x>', '🕰', '203.0.113.'])(
    'find exactly the value %j, and are removed again',
    (value) => {
      const search = addTerm('reason:logout', 'ip', value)
      expect(parseSearch(search).terms[1]?.values).toEqual([{ text: value, isPrefix: false }])
      expect(hasTerm(search, 'ip', value)).toBe(true)
      expect(hasTerm(search, 'ip', value, true)).toBe(false)
      expect(removeTerm(search, 'ip', value)).toBe('reason:logout')
    },
  )

  test('are replaced by key', () => {
    expect(setTerm('user:u_42 reason:logout -reason:revoked', 'reason', 'idle_timeout')).toBe(
      'user:u_42 reason:idle_timeout',
    )
  })

  test('with the same key become one', () => {
    const { terms } = parseSearch('reason:logout,revoked -user:u_1')
    expect(mergeTerms('reason:displaced,logout user:u_2', terms)).toBe(
      'reason:displaced,logout,revoked user:u_2 -user:u_1',
    )
  })

  test('replace a search that has an error', () => {
    expect(addTerm('colour:red', 'user', 'u_42')).toBe('user:u_42')
  })
})

describe('The URL of an earlier version', () => {
  test.each([
    {
      old: '?range=24h&reason=logout&subject=u_3&site=acme',
      now: '?range=24h&site=acme&search=reason%3Alogout+user%3Au_3',
    },
    { old: '?evidence=server&session=a%20b', now: '?search=evidence%3Aserver+session%3A%22a+b%22' },
    { old: '?reason=', now: '' },
    { old: '?search=user%3Au_3&row=7', now: '?search=user%3Au_3&row=7' },
    { old: '', now: '' },
  ])('$old is translated', ({ old, now }) => {
    expect(translateOldUrl(old)).toBe(now)
  })
})
