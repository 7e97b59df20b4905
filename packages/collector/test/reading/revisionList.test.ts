import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { formatNames } from '../../src/reading/formats/formats.ts'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { ocsfAuthentication } from '../support/ocsf.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)
const minute = 60_000

/** One session that was corrected twice, once by the same evidence. The second row has the alias. */
const chain = [
  { id: 1, session: 'chain', session_key: 'marker', reason: 'ended_early', detected_at: noon },
  { id: 2, session: 'chain', revision: 2, supersedes: 1, detected_at: noon + minute },
  {
    id: 3,
    session: 'chain',
    revision: 3,
    supersedes: 2,
    reason: 'revoked',
    evidence: 'server',
    detected_by: 'server',
    detected_at: noon - minute,
  },
]
const others = [
  { id: 4, session: 'swept', detected_by: 'sweep', detected_at: noon - 2 * minute },
  { id: 5, session: 'other-site', site: 'signed', detected_at: noon + 2 * minute },
  { id: 6, session: 'resumed', detected_at: noon + 3 * minute },
  { id: 7, session: 'ended_again', detected_at: noon - 3 * minute },
]

describe.each(inject('databaseServers'))('A list of rows with revisions, on $name,', (server) => {
  let collector: InProcessCollector
  let token: string
  beforeAll(async () => {
    collector = await createCollector(server)
    token = (await issueToken(collector.store)).token
    const { sql } = collector.database
    await insertRows(sql, [...chain, ...others])
    await sql('session_return').insert({
      audit_id: 4,
      site: 'acme',
      returned_at: toStoredTime(sql, noon + 5 * minute),
      received_at: toStoredTime(sql, noon + 5 * minute),
    })
    const live = {
      site: 'acme',
      evidence: 'self_reported',
      clock_skew_ms: 0,
      idle_timeout_seconds: 1800,
      wait_ms: 0,
    }
    const times = ['last_access_at', 'expires_at', 'due_at', 'registered_at', 'resumed_at']
    const resumed = Object.fromEntries(times.map((name) => [name, toStoredTime(sql, noon + 9 * minute)]))
    await sql('session_live').insert([
      { ...live, ...resumed, session_key: 'resumed', resumes: 6 },
      // Another end of this session was recorded before it was used again.
      { ...live, ...resumed, session_key: 'ended_again', resumes: 1000 },
    ])
  })
  afterAll(() => collector.end())

  const fetchRows = (path: string, bearer = token) =>
    fetch(`${collector.url}/v1/lapses${path}`, { headers: { Authorization: `Bearer ${bearer}` } })
  const readPage = async (path: string) => {
    const response = await fetchRows(path)
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }
  const readIds = async (path: string): Promise<number[]> =>
    (await readPage(path)).lapses.map(({ id }: { id: number }) => id)

  test('The list contains only the current row of each session', async () => {
    expect(await readIds('')).toEqual([6, 5, 3, 4, 7])
    expect(await readIds('?session=chain')).toEqual([3])
  })

  test('A filter applies to the current row, not to those that it corrects', async () => {
    expect(await readIds('?reason=ended_early')).toEqual([])
    expect(await readIds('?reason=ended_early&revisions=all')).toEqual([1])
    expect(await readIds('?evidence=server&revisions=current')).toEqual([3])
  })

  test('revisions=all adds the corrected rows, which name their correction', async () => {
    const { lapses } = await readPage('?revisions=all&session=chain')
    expect(lapses).toMatchObject([
      { id: 2, revision: 2, supersedes: 1, supersededBy: 3 },
      { id: 1, revision: 1, supersedes: null, supersededBy: 2 },
      { id: 3, revision: 3, supersedes: 2, supersededBy: null },
    ])
    expect(await readIds('?revisions=all')).toEqual([6, 5, 2, 1, 3, 4, 7])
  })

  test('Pages contain each row once, with and without the corrected rows', async () => {
    for (const [query, ids] of [
      ['', [6, 5, 3, 4, 7]],
      ['&revisions=all', [6, 5, 2, 1, 3, 4, 7]],
    ] as const) {
      const seen: number[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: { lapses: { id: number }[]; next: string | null } = await readPage(
          `?limit=2${query}${cursor && `&cursor=${cursor}`}`,
        )
        seen.push(...page.lapses.map(({ id }) => id))
        cursor = page.next
      }
      expect(seen).toEqual(ids)
    }
  })

  test.each(['', '&revisions=all'])(
    'A session that is corrected between two pages is on one of them%s',
    async (query) => {
      const { sql } = collector.database
      const first = await readPage(`?limit=2${query}`)
      await insertRows(sql, [
        { id: 8, session: 'swept', revision: 2, supersedes: 4, detected_at: noon + 4 * minute },
      ])
      const second = await readPage(`?limit=20${query}&cursor=${first.next}`)
      const { lapses } = second
      expect(lapses.find(({ id }: { id: number }) => id === 4)).toMatchObject({ supersededBy: 8 })
      expect(lapses.map(({ id }: { id: number }) => id)).not.toContain(8)
      expect((await readIds('')).at(0)).toBe(8)
      await sql('session_audit').where({ id: 8 }).delete()
    },
  )

  test('A correction by the same evidence is marked for review', async () => {
    const { lapses } = await readPage('?revisions=all')
    expect(
      lapses.flatMap(({ id, needsReview }: Record<string, unknown>) => (needsReview ? [id] : [])),
    ).toEqual([2])
  })

  test('A row says when the user came back, and since when the session is in use again', async () => {
    const { lapses } = await readPage('')
    expect(lapses).toMatchObject([
      { id: 6, returnedAt: null, resumedAt: '2026-01-02T12:09:00.000Z' },
      { id: 5, returnedAt: null, resumedAt: null },
      { id: 3, returnedAt: null, resumedAt: null },
      { id: 4, returnedAt: '2026-01-02T12:05:00.000Z', resumedAt: null },
      { id: 7, returnedAt: null, resumedAt: null },
    ])
  })

  test('A single row has its earlier revisions, under another key too, and names a later one', async () => {
    expect(await (await fetchRows('/3')).json()).toMatchObject({
      id: 3,
      supersededBy: null,
      earlierRevisions: [
        { id: 2, sessionKey: 'chain', needsReview: true },
        { id: 1, sessionKey: 'marker', needsReview: false },
      ],
    })
    expect(await (await fetchRows('/2')).json()).toMatchObject({
      supersededBy: 3,
      earlierRevisions: [{ id: 1 }],
    })
    expect(await (await fetchRows('/5')).json()).toMatchObject({ id: 5, earlierRevisions: [] })
  })

  test('A token of another site reads neither a row nor its earlier revisions', async () => {
    const other = (await issueToken(collector.store, { site: 'signed' })).token
    for (const id of [1, 2, 3]) expect((await fetchRows(`/${id}`, other)).status).toBe(404)
    const { lapses } = await (await fetchRows('?revisions=all', other)).json()
    expect(lapses).toMatchObject([{ id: 5 }])
  })

  test.each(formatNames)('An export as %s contains current rows, or all rows on request', async (format) => {
    const count = async (query: string) => {
      const lines = (await (await fetchRows(`?format=${format}${query}`)).text()).trimEnd().split('\n')
      return lines.length - (format === 'csv' ? 1 : 0)
    }
    expect(await count('')).toBe(5)
    expect(await count('&revisions=all')).toBe(7)
  })

  test('revisions accepts nothing but current and all', async () => {
    for (const value of ['', 'ALL', 'none', 'all&revisions=all']) {
      const response = await fetchRows(`?revisions=${value}`)
      expect({ value, status: response.status }).toEqual({ value, status: 422 })
    }
  })

  test('Each format shows that a row is a correction, and that it needs a review', async () => {
    const find = async (format: string, supersedes: number) => {
      const text = await (await fetchRows(`?format=${format}&revisions=all`)).text()
      const events = text.trimEnd().split('\n')
      const found = events.map((line) => JSON.parse(line))
      return found.find((event) => (event.lapse ?? event.unmapped ?? event).supersedes === supersedes)
    }
    expect(await find('ndjson', 1)).toMatchObject({ revision: 2, needsReview: true })
    expect(await find('ecs', 1)).toMatchObject({
      message: expect.stringMatching(/ended: idle timeout\. This corrects row 1\. Review it: /),
      tags: ['lapse-correction', 'lapse-review'],
      event: { type: ['end'] },
      lapse: { revision: 2, supersedes: 1, superseded_by: 3, needs_review: true },
    })
    expect(await find('ecs', 2)).toMatchObject({
      message: expect.stringMatching(/This corrects row 2\.$/),
      tags: ['lapse-correction'],
      lapse: { needs_review: false },
    })
    const ocsf = await find('ocsf', 1)
    expect(ocsf).toMatchObject({
      activity_id: 2,
      metadata: { uid: '2', labels: ['lapse-correction', 'lapse-review'] },
      unmapped: { supersedes: 1, needs_review: true },
    })
    expect(ocsfAuthentication.safeParse(ocsf).error).toBeUndefined()
    expect(await find('owasp', 2)).toMatchObject({
      event: 'session_expired:u_42,revoked',
      description: expect.stringMatching(/This corrects row 2\.$/),
      lapse: { id: 3, revision: 3, needs_review: false },
    })
    const csv = (await (await fetchRows('?format=csv&revisions=all')).text()).split('\r\n')
    const header = csv[0]?.split(',') ?? []
    const line = csv.find((each) => each.startsWith('2,'))?.split(',') ?? []
    const read = (name: string) => line[header.indexOf(name)]
    expect(['revision', 'supersedes', 'supersededBy', 'needsReview'].map(read)).toEqual([
      '2',
      '1',
      '3',
      'true',
    ])
  })
})
