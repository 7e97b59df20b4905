import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { evidenceKinds } from '../../../src/domain/evidence.ts'
import { isPlainText } from '../../../src/domain/text/plainText.ts'
import { reasons } from '../../../src/domain/verdict.ts'
import { flags } from '../../../src/reading/search/flags.ts'
import {
  formatSearch,
  maxSearchLength,
  maxSearchValues,
  parseSearch,
  type Search,
  SearchError,
} from '../../../src/reading/search/parseSearch.ts'

const exactly = (text: string) => ({ text, isPrefix: false })
const prefix = (text: string) => ({ text, isPrefix: true })
const term = (key: string, ...values: object[]) => ({ key, values, isExcluded: false })
const excluded = (key: string, ...values: object[]) => ({ key, values, isExcluded: true })

function catchError(text: string): SearchError {
  try {
    parseSearch(text)
  } catch (error) {
    if (error instanceof SearchError) return error
    throw error
  }
  throw new Error(`The search was accepted: ${text}`)
}

describe('The syntax of searches', () => {
  test.each([
    ['', []],
    ['   ', []],
    ['user:u_1033', [term('user', exactly('u_1033'))]],
    ['subject:u_1033', [term('user', exactly('u_1033'))]],
    [
      'user:u_1 -reason:logout,revoked  site:acme',
      [
        term('user', exactly('u_1')),
        excluded('reason', exactly('logout'), exactly('revoked')),
        term('site', exactly('acme')),
      ],
    ],
    ['user:auth0|7:b', [term('user', exactly('auth0|7:b'))]],
    ['user:-1', [term('user', exactly('-1'))]],
    ['user:DOMAIN\\ann', [term('user', exactly('DOMAIN\\ann'))]],
    ['user:u_*,v', [term('user', prefix('u_'), exactly('v'))]],
    ['-user:*', [excluded('user', prefix(''))]],
    ['user:"a b"', [term('user', exactly('a b'))]],
    ['user:"a, \\"b\\" *","c"*', [term('user', exactly('a, "b" *'), prefix('c'))]],
    ['user:"DOMAIN\\ann","a\\\\"', [term('user', exactly('DOMAIN\\ann'), exactly('a\\'))]],
    ['ip:203.0.113.', [term('ip', prefix('203.0.113.'))]],
    ['ip:2001:db8:', [term('ip', prefix('2001:db8:'))]],
    ['ip:203.0.113.7,10.*', [term('ip', exactly('203.0.113.7'), prefix('10.'))]],
    ['ip:"2001:db8::"', [term('ip', exactly('2001:db8::'))]],
    ['origin:https://app.acme.com:8443', [term('origin', exactly('https://app.acme.com:8443'))]],
    ['flag:review,late', [term('flag', exactly('review'), exactly('late'))]],
    ['u_1033', [term('any', exactly('u_1033'))]],
    ['-u_1* a,b', [excluded('any', prefix('u_1')), term('any', exactly('a'), exactly('b'))]],
    ['"-a:b"', [term('any', exactly('-a:b'))]],
    ['-"a b"', [excluded('any', exactly('a b'))]],
  ])('%j is understood', (text, terms) => {
    expect(parseSearch(text)).toEqual({ terms })
  })

  test.each([
    ['the key is unknown; use one of user, session, site', 'reson:logout', 'reson:logout'],
    ['put the whole text in quotation marks', 'user:a https://app.acme.com', 'https://app.acme.com'],
    ['must be one of clock_anomaly, logout, revoked', 'reason:logut', 'reason:logut'],
    ['must be one of clock_anomaly, logout, revoked', 'reason:log*', 'reason:log*'],
    ['must be one of signed, self_reported, server', '-evidence:strong', '-evidence:strong'],
    ['must be one of clock_anomaly, skew, late', 'flag:odd', 'flag:odd'],
    ['a value is missing', 'user:', 'user:'],
    ['a value is missing', 'user:a,', 'user:a,'],
    ['a value is missing', '-', '-'],
    ['a value is missing', 'user:""', 'user:""'],
    ['an asterisk stands for the rest of a value', 'user:*42', 'user:*42'],
    ['an asterisk stands for the rest of a value', 'user:a**', 'user:a**'],
    ['a quotation mark is missing or misplaced', 'user:"a b', 'user:"a b'],
    ['a quotation mark is missing or misplaced', 'user:a"b"', 'user:a"b"'],
    ['a quotation mark is missing or misplaced', 'user:"a"b', 'user:"a"b'],
    ['must not contain control characters', 'user:a\0b', 'user:a\\u0000b'],
    ['must not contain control characters', 'user:"a\nb"', 'user:"a\\u000ab"'],
    ['at most 255 characters', `user:${'a'.repeat(256)}`, expect.stringMatching(/^user:a+…$/)],
    [`at most ${maxSearchLength} characters`, 'a '.repeat(maxSearchLength), expect.any(String)],
    [`at most ${maxSearchValues} values`, 'a '.repeat(maxSearchValues + 1), 'a'],
  ])('A mistake is an error that names the term: %s', (problem, text, badTerm) => {
    expect(catchError(text)).toMatchObject({ term: badTerm, problem: expect.stringContaining(problem) })
  })
})

describe('Properties of searches', () => {
  const texts = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter(isPlainText)
  const tricky = fc.string({
    unit: fc.constantFrom('a', ' ', ',', '"', '\\', '*', ':', '-', '.', '\u00a0'),
    minLength: 1,
    maxLength: 6,
  })
  const text = fc.oneof(texts, tricky)
  const value = fc.oneof(
    text.map(exactly),
    fc.record({ text: fc.oneof(text, fc.constant('')), isPrefix: fc.constant(true) }),
  )
  const values = (one: fc.Arbitrary<Search['terms'][number]['values'][number]>) =>
    fc.array(one, { minLength: 1, maxLength: 4 })
  const choose = (key: 'reason' | 'evidence' | 'flag', choices: readonly string[]) =>
    fc.record({
      key: fc.constant(key),
      values: values(fc.constantFrom(...choices).map(exactly)),
      isExcluded: fc.boolean(),
    })
  const terms = fc.oneof(
    fc.record({
      key: fc.constantFrom('user', 'session', 'site', 'origin', 'ip', 'any'),
      values: values(value),
      isExcluded: fc.boolean(),
    }),
    choose('reason', reasons),
    choose('evidence', evidenceKinds),
    choose('flag', flags),
  )

  test('A search that is formatted and parsed again is the same', () => {
    fc.assert(
      fc.property(fc.array(terms, { maxLength: 6 }), (search) => {
        expect(parseSearch(formatSearch({ terms: search }))).toEqual({ terms: search })
      }),
      { numRuns: 1000 },
    )
  })

  test('No text throws anything but the documented error, and an accepted text can be formatted', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.string({
        unit: fc.constantFrom('user:', 'ip:', 'a', ' ', ',', '"', '\\', '*', ':', '-', '.', '\n', '\ud800'),
        maxLength: 20,
      }),
    )
    fc.assert(
      fc.property(anyText, (input) => {
        let search: Search
        try {
          search = parseSearch(input)
        } catch (error) {
          expect(error).toBeInstanceOf(SearchError)
          return
        }
        expect(parseSearch(formatSearch(search))).toEqual(search)
      }),
      { numRuns: 3000 },
    )
  })
})
