import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../../test/databases.ts'
import { reviewFlags } from '../../../src/reading/search/flags.ts'
import {
  formatSearch,
  parseSearch,
  type SearchValue,
  type Term,
} from '../../../src/reading/search/parseSearch.ts'
import { computePrefixEnd } from '../../../src/store/audit/conditions.ts'
import { createCollector, type InProcessCollector, issueToken } from '../../support/collector.ts'
import { insertRows } from '../../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)
const markers = ['0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d', 'c4d5e6f7-7f1c-4a53-9c9e-000000000000']
/** Texts that differ in case, in characters that `LIKE` or SQL interpret, or only after a prefix. */
const texts = [
  ...[
    'u_1',
    'u_10',
    'U_1',
    'u%1',
    'u\\1',
    "u'1",
    'u"1',
    'u 1',
    'u,1',
    'u*',
    '-u',
    'a:b',
    'ä',
    'Ä',
    'a ',
    'a',
  ],
  ...['\u{10ffff}', '\ud7ff', '\ue000', '😀 grin', '*', 'selftest'],
]
const pick = <T>(choices: readonly T[], index: number): T | null => choices[index % choices.length] ?? null

/** Rows with all kinds of values, unknown ones too. Every fifth row corrects the one before it. */
function createRow(index: number) {
  const isCorrection = index % 5 === 4
  return {
    id: index + 1,
    site: index % 3 === 0 ? 'signed' : 'acme',
    session_key: `key-${isCorrection ? index - 1 : index}`,
    revision: isCorrection ? 2 : 1,
    supersedes: isCorrection ? index : null,
    session: pick([null, ...texts], index * 7) ?? `alias-${index}`,
    subject: pick([null, ...texts], index),
    marker: pick([null, null, null, ...markers], index),
    reason: pick(['idle_timeout', 'logout', 'clock_anomaly', 'revoked'], index) ?? 'logout',
    evidence: pick(['self_reported', 'signed', 'server'], index % 10) ?? 'server',
    detected_by: pick(['login_page', 'sweep', 'server'], index * 3) ?? 'server',
    clock_skew_ms: pick([0, 60_000, 60_001, -60_001], index) ?? 0,
    origin: pick([null, 'https://app.acme.com', 'https://APP.acme.com', 'https://app.acme.com:8443'], index),
    ip: pick([null, '203.0.113.0', '203.0.11.0', '2001:db8:1::', '2001:db8:10::'], index * 3),
    detected_at: noon + index * 1000,
    delayMs: pick([0, 3_600_000, 3_600_001], index) ?? 0,
  }
}
const rows = Array.from({ length: 120 }, (_, index) => createRow(index))
/** A burst: 20 rows of one address in one minute, and 19 of another address. */
const burst = Array.from({ length: 39 }, (_, index) => ({
  id: 1000 + index,
  site: 'acme',
  ...{ session_key: `burst-${index}`, revision: 1, supersedes: null, session: `burst-${index}` },
  ...{ subject: 'u_1', marker: null, reason: 'logout', evidence: 'signed', detected_by: 'login_page' },
  ...{ clock_skew_ms: 0, origin: null, ip: index < 20 ? '198.51.100.0' : '192.0.2.0', delayMs: 0 },
  detected_at: Date.UTC(2026, 0, 3) + index * 1000,
}))
const all = [...rows, ...burst]
type Row = (typeof all)[number]

const byId = new Map(all.map((row) => [row.id, row]))
const minuteOf = ({ detected_at: at }: Row) => Math.floor(at / 60_000)

function hasFlag(row: Row, flag: string): boolean {
  const corrected = byId.get(row.supersedes ?? 0)
  const isReported = (each: Row) => each.evidence !== 'server' && each.detected_by !== 'sweep'
  const sender = row.ip ?? row.origin
  switch (flag) {
    case 'clock_anomaly':
      return row.reason === flag
    case 'self_reported':
      return row.evidence === flag
    case 'skew':
      return Math.abs(row.clock_skew_ms) > 60_000
    case 'late':
      return row.delayMs > 3_600_000
    case 'correction':
      return row.supersedes !== null
    case 'conflict':
      return corrected?.evidence === row.evidence
    case 'superseded':
      return all.some(({ supersedes }) => supersedes === row.id)
    case 'burst':
      return (
        isReported(row) &&
        sender !== null &&
        all.filter(
          (each) =>
            isReported(each) &&
            each.site === row.site &&
            (each.ip ?? each.origin) === sender &&
            minuteOf(each) === minuteOf(row),
        ).length >= 20
      )
    default:
      return reviewFlags.some((each) => hasFlag(row, each))
  }
}

function hasValue(row: Row, key: Term['key'], { text, isPrefix }: SearchValue): boolean {
  if (key === 'flag') return hasFlag(row, text)
  const matches = (value: string | null, searched = text) =>
    value !== null && (isPrefix ? value.startsWith(searched) : value === searched)
  const hasMarker = matches(row.marker, text.toLowerCase()) && text !== ''
  if (key === 'user') return matches(row.subject)
  if (key === 'session') return matches(row.session) || hasMarker
  if (key === 'any') return matches(row.subject) || matches(row.session) || hasMarker
  return matches(row[key])
}

/** What the documentation says about searches, in JavaScript. */
function matchesSearch(row: Row, terms: readonly Term[]): boolean {
  const hasTerm = ({ key, values }: Term) => values.some((value) => hasValue(row, key, value))
  const required = Map.groupBy(
    terms.filter(({ isExcluded }) => !isExcluded),
    ({ key }) => key,
  )
  return (
    [...required.values()].every((alternatives) => alternatives.some(hasTerm)) &&
    !terms.some((term) => term.isExcluded && hasTerm(term))
  )
}

test.each([
  ['a', 'b'],
  ['203.0.113.', '203.0.113/'],
  ['\ud7ff', '\ue000'],
  ['a\u{10ffff}', 'b'],
  ['\uffff', '\u{10000}'],
  ['\u{10ffff}', undefined],
])('The end of the prefix %j is %j', (prefix, end) => {
  expect(computePrefixEnd(prefix)).toBe(end)
})

describe.each(inject('databaseServers'))('Searches on $name', (server) => {
  let collector: InProcessCollector
  let read: string
  beforeAll(async () => {
    collector = await createCollector(server)
    read = (await issueToken(collector.store)).token
    const { sql } = collector.database
    await insertRows(
      sql,
      all.map(({ delayMs, ...row }) => ({
        ...row,
        received_at: toStoredTime(sql, row.detected_at + delayMs),
      })),
    )
  })
  afterAll(() => collector.end())

  async function findIds(parameters: Record<string, string>): Promise<number[]> {
    const query = new URLSearchParams({ limit: '1000', sort: 'detectedAt', ...parameters })
    const response = await fetch(`${collector.url}/v1/lapses?${query}`, {
      headers: { Authorization: `Bearer ${read}` },
    })
    expect(response.status, parameters.search).toBe(200)
    const { lapses }: { lapses: { id: number }[] } = await response.json()
    return lapses.map(({ id }) => id)
  }

  const value = (choices: readonly string[]) =>
    fc.oneof(
      fc.constantFrom(...choices).map((text) => ({ text, isPrefix: false })),
      fc
        .tuple(fc.constantFrom(...choices), fc.integer({ min: 0, max: 12 }))
        // Between characters, not between surrogates.
        .map(([text, length]) => ({ text: [...text].slice(0, length).join(''), isPrefix: true })),
    )
  const term = (key: Term['key'], values: fc.Arbitrary<SearchValue>) =>
    fc.record({
      key: fc.constant(key),
      values: fc.array(values, { minLength: 1, maxLength: 3 }),
      isExcluded: fc.boolean(),
    })
  const choose = (choices: readonly string[]) =>
    fc.constantFrom(...choices).map((text) => ({ text, isPrefix: false }))
  const known = (column: 'origin' | 'ip') => value([...new Set(all.flatMap((row) => row[column] ?? []))])
  const terms = fc.oneof(
    term('user', value(texts)),
    term('session', value([...texts, ...markers, markers[0]?.toUpperCase() ?? ''])),
    term('any', value([...texts, ...markers])),
    term('site', choose(['acme', 'signed'])),
    term('reason', choose(['logout', 'idle_timeout', 'revoked', 'displaced'])),
    term('evidence', choose(['server', 'signed'])),
    term('origin', known('origin')),
    term('ip', known('ip')),
    term(
      'flag',
      choose(['clock_anomaly', 'skew', 'late', 'correction', 'conflict', 'superseded', 'burst', 'review']),
    ),
  )

  test('A search finds the same rows on every database as the documentation says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(terms, { minLength: 1, maxLength: 4 }), async (search) => {
        const expected = all.filter((row) => matchesSearch(row, search)).map(({ id }) => id)
        const found = await findIds({ search: formatSearch({ terms: search }), revisions: 'all' })
        expect(found.toSorted((a, b) => a - b)).toEqual(expected)
      }),
      { numRuns: 60, seed: 16 },
    )
  })

  test.each([
    ...['user:u_1', 'user:U_*', 'user:u%*', 'user:u\\*', `"u'1"`, 'user:"u\\"1"', 'user:"a "', '-user:*'],
    ...[`user:${markers[0]}`, markers[0] ?? '', 'ip:203.0.11.', 'ip:2001:db8:1:', 'origin:https://app*'],
    ...['flag:burst', '-flag:burst', 'flag:late', '-flag:conflict', 'flag:superseded', '😀* ä'],
  ])('The search %s finds the rows that it describes', async (search) => {
    const { terms: parsed } = parseSearch(search)
    const expected = all.filter((row) => matchesSearch(row, parsed)).map(({ id }) => id)
    const found = await findIds({ search, revisions: 'all' })
    expect(found.toSorted((a, b) => a - b)).toEqual(expected)
  })
})
