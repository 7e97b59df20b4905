import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { sorts } from '../../src/reading/sort.ts'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)
const selftest = { client_version: 'selftest', subject: 'selftest', detected_by: 'login_page' }

/** Rows with equal and unknown values in the columns that lists are sorted by. */
const sorted = Array.from({ length: 23 }, (_, index) => ({
  id: index + 1,
  session: `s${index}`,
  subject: index % 4 === 0 ? null : `u_${index % 3}`,
  elapsed_ms: index % 5 === 0 ? null : (index % 4) * 1000,
  detected_at: noon + (index % 7) * 1000,
}))

describe.each(inject('databaseServers'))('Lists on $name', (server) => {
  let collector: InProcessCollector
  const tokens: Record<string, { readonly id: string; readonly token: string }> = {}
  beforeAll(async () => {
    collector = await createCollector(server)
    tokens.all = await issueToken(collector.store)
    tokens.signed = await issueToken(collector.store, { site: 'signed' })
    await insertRows(collector.database.sql, [
      ...sorted,
      { id: 101, session: 'corrected', detected_at: noon, site: 'signed', subject: 'ä; "u"' },
      {
        ...{ id: 102, session: 'correction', detected_at: noon + 60_000, site: 'signed', subject: 'ä; "u"' },
        ...{ session_key: 'corrected', revision: 2, supersedes: 101 },
      },
      { ...selftest, id: 103, session: 'selftest-1', detected_at: noon + 3_600_000 },
      { id: 104, session: 'gone', site: 'removed', detected_at: noon - 3_600_000 },
    ])
  })
  afterAll(() => collector.end())

  const fetchRows = (query: Record<string, string>, token = 'all', path = '/v1/lapses') =>
    fetch(`${collector.url}${path}?${new URLSearchParams(query)}`, {
      headers: { Authorization: `Bearer ${tokens[token]?.token}` },
    })
  const read = async (query: Record<string, string>, token?: string) => (await fetchRows(query, token)).json()

  test.each(sorts)(
    'The pages of a list that is sorted by %s have each row once, in that order',
    async (sort) => {
      const ids: number[] = []
      const values: (string | number | null)[] = []
      const field = sort.replace('-', '')
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = { sort, limit: '4', subject: '', to: new Date(noon + 60_000).toISOString() }
        const { subject: _, ...parameters } = { ...query, site: 'acme', ...(cursor && { cursor }) }
        const page = await read(parameters)
        for (const row of page.lapses) {
          ids.push(row.id)
          values.push(row[field])
        }
        cursor = page.next
      }
      expect(ids.toSorted((a, b) => a - b)).toEqual(sorted.map(({ id }) => id))
      const direction = sort.startsWith('-') ? -1 : 1
      const inOrder = values.toSorted((a, b) => {
        if (a === b) return 0
        return (a === null || (b !== null && a < b) ? -1 : 1) * direction
      })
      expect(values).toEqual(inOrder)
    },
  )

  test('A cursor belongs to the order of its list', async () => {
    const { next } = await read({ sort: 'subject', limit: '1' })
    for (const sort of ['-subject', '-detectedAt'])
      expect(await read({ sort, cursor: next })).toMatchObject({
        status: 422,
        errors: [{ parameter: 'cursor' }],
      })
    expect(await read({ sort: 'subject', cursor: next, limit: '1' })).toMatchObject({ lapses: [{}] })
  })

  test.each([
    [{}, 25],
    [{ site: 'acme' }, 23],
    [{ site: 'signed' }, 1],
    [{ site: 'signed', revisions: 'all' }, 2],
    [{ selftests: 'include' }, 26],
    [{ selftests: 'include', revisions: 'all' }, 27],
    [{ search: 'user:u_1' }, 6],
    [{ search: '-user:*' }, 6],
    [{ subject: 'selftest' }, 0],
    [{ subject: 'selftest', selftests: 'include' }, 1],
    [{ search: 'flag:superseded', revisions: 'all' }, 1],
    [{ to: new Date(noon + 1000).toISOString(), site: 'acme' }, 4],
  ])('A list of %j counts its rows: %d', async (query, total) => {
    expect(await read({ ...query, count: 'true', limit: '1' })).toMatchObject({ total })
    const { lapses } = await read({ ...query, limit: '1000' })
    expect(lapses).toHaveLength(total)
    const response = await fetchRows({ ...query, count: 'true', format: 'csv' })
    expect(response.headers.get('Lapse-Export')).toMatch(new RegExp(`; rows=${total}$`))
    expect((await response.text()).trimEnd().split('\r\n')).toHaveLength(total + 1)
  })

  test('A CSV export has as many rows as the summary counts, self-tests in neither', async () => {
    const csv = await (await fetchRows({ format: 'csv', site: 'acme' })).text()
    const span = { from: '2026-01-01', to: '2026-01-04', site: 'acme' }
    const { buckets } = await (await fetchRows(span, 'all', '/v1/summary')).json()
    const counted = buckets
      .flatMap(({ counts }: { counts: Record<string, number> }) => Object.values(counts))
      .reduce((sum: number, count: number) => sum + count, 0)
    expect(csv.trimEnd().split('\r\n').length - 1).toBe(counted)
    expect(csv).not.toContain('selftest')
    expect(await (await fetchRows({ format: 'csv', selftests: 'include' })).text()).toContain('selftest-1')
  })

  test('A self-test is found by its id', async () => {
    expect((await fetchRows({}, 'all', '/v1/lapses/103')).status).toBe(200)
  })

  test('An empty list says which filters were active, and when the site last had a row', async () => {
    const filters = { site: 'signed', reason: 'logout', subject: 'a b', search: '-ip:203.0.113. flag:late' }
    expect(await read({ ...filters, from: '2026-01-01' })).toEqual({
      lapses: [],
      next: null,
      emptyBecause: {
        filters:
          'site:signed user:"a b" reason:logout -ip:203.0.113. flag:late from:2026-01-01T00:00:00.000Z',
        lastRowAt: new Date(noon + 60_000).toISOString(),
      },
    })
    // A self-test is no row of a user.
    expect(await read({ subject: 'nobody' })).toMatchObject({
      emptyBecause: { filters: 'user:nobody', lastRowAt: new Date(noon + 60_000).toISOString() },
    })
    expect(await read({ search: 'site:removed reason:logout' })).toMatchObject({
      emptyBecause: { lastRowAt: new Date(noon - 3_600_000).toISOString() },
    })
    expect(await read({ subject: 'nobody' }, 'signed')).toMatchObject({
      emptyBecause: { filters: 'site:signed user:nobody' },
    })
  })

  test.each(['/v1/lapses', '/v1/summary', '/v1/sessions', '/v1/history'])(
    'An unknown site is an error at %s, which lists the known sites',
    async (path) => {
      const required: Record<string, string> = path === '/v1/history' ? { subject: 'u_1' } : {}
      const response = await fetchRows({ ...required, site: 'acmee' }, 'all', path)
      expect(await response.json()).toMatchObject({
        type: 'urn:lapse:problem:invalid-query',
        errors: [
          {
            parameter: 'site',
            detail: 'names an unknown site (site:acmee); the known sites are acme, lapse, removed, signed',
          },
        ],
      })
      const known = await fetchRows({ ...required, site: 'removed' }, 'all', path)
      expect(known.status).toBe(200)
    },
  )

  test.each([
    ['names an unknown site (site:acmee); the known sites are acme, lapse, removed, signed', 'site:acmee'],
    ['names an unknown site (site:nowhere); the known sites are', '-site:acme,nowhere'],
    ['names an unknown site (site:b*); the known sites are', 'site:b*'],
    ['has an invalid term reason:logut: the reason must be one of clock_anomaly, logout', 'reason:logut'],
    ['has an invalid term evidence:x: the evidence must be one of signed', 'evidence:x'],
    ['has an invalid term flag:x: the flag must be one of clock_anomaly', 'flag:x'],
    ['superseded rows', 'flag:superseded'],
    ['has an invalid term reson:logout: the key is unknown; use one of user', 'reson:logout'],
    ['has an invalid term user:a\\u0000: a value must not contain control characters', 'user:a\0'],
    ['a search can have at most 2000 characters', 'x'.repeat(10_000)],
    ['a search can have at most 100 values', 'a '.repeat(101)],
    ['a quotation mark is missing or misplaced', '"'.repeat(1999)],
  ])('A wrong search is an error: %s', async (detail, search) => {
    for (const path of ['/v1/lapses', '/v1/summary']) {
      const response = await fetchRows({ search }, 'all', path)
      expect(response.status, path).toBe(422)
      expect(await response.json(), path).toMatchObject({
        errors: [{ parameter: 'search', detail: expect.stringContaining(detail) }],
      })
    }
  })

  test('A search of the greatest length works', async () => {
    const search = Array.from({ length: 100 }, (_, index) => `${index % 2 ? '-' : ''}u${index}*`).join(' ')
    expect(await read({ search: search.padEnd(2000) })).toMatchObject({ lapses: [] })
  })

  test('A download has a name, and an export says what it contains', async () => {
    const span = { from: '2026-01-01', to: '2026-02-01', timeZone: 'Europe/Vienna', site: 'signed' }
    const query = { ...span, format: 'csv', download: 'true', subject: 'ä; "u"' }
    const { headers } = await fetchRows(query)
    expect(headers.get('Content-Disposition')).toBe('attachment; filename="lapse-signed-2026-01.csv"')
    expect(headers.get('Lapse-Export')?.split('; ')).toEqual([
      'site=signed',
      'from=2025-12-31T23:00:00.000Z',
      'to=2026-01-31T23:00:00.000Z',
      expect.stringMatching(/^filters="site:signed user:%22%C3%A4%3B .*"$/),
      expect.stringMatching(/^generated-at=\d{4}-/),
      `token=${tokens.all?.id}`,
    ])
    const filters = /filters="(.*?)"/.exec(headers.get('Lapse-Export') ?? '')?.[1] ?? ''
    expect(decodeURIComponent(filters)).toMatch(/^site:signed user:"ä; \\"u\\"" from:2025-12-31/)
    for (const [format, name] of [
      ['json', 'lapse-all.json'],
      ['ndjson', 'lapse-all.ndjson'],
      ['ecs', 'lapse-all.ecs.ndjson'],
    ] as const)
      expect((await fetchRows({ format, download: 'true' })).headers.get('Content-Disposition')).toBe(
        `attachment; filename="${name}"`,
      )
    const long = await fetchRows({ format: 'csv', search: `${`"${'😀'.repeat(100)}",`.repeat(9)}a` })
    expect(long.status).toBe(200)
    expect(long.headers.get('Lapse-Export')?.length).toBeLessThan(5_000)
  })

  test('A token for one site can name no other site, whether that exists or not', async () => {
    for (const query of [
      ...[{ site: 'acme' }, { search: 'site:acme' }, { search: 'site:nowhere' }, { search: 'site:a*' }],
      ...[{ search: '-site:acme' }, { search: 'site:signed,acme' }, { search: 'u_1 site:acme' }],
    ])
      for (const path of ['/v1/lapses', '/v1/summary'])
        expect(await (await fetchRows(query, 'signed', path)).json(), JSON.stringify(query)).toEqual({
          ...{ type: 'urn:lapse:problem:forbidden', status: 403, title: expect.any(String) },
          detail: 'This token is limited to the site "signed".',
        })
    expect(await read({ search: '-site:signed', count: 'true' }, 'signed')).toEqual({
      ...{ lapses: [], next: null, total: 0 },
      emptyBecause: { filters: 'site:signed -site:signed', lastRowAt: null },
    })
    expect(await read({ search: 'site:sig*', count: 'true' }, 'signed')).toMatchObject({ total: 1 })
  })
})
