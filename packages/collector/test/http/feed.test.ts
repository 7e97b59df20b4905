import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatPosition, toFeedPosition } from '../../src/reading/feed.ts'
import { createCollector, createReport, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const at = Date.UTC(2026, 0, 2, 12)

describe('GET /v1/lapses?after=…', () => {
  let collector: InProcessCollector
  let token: string
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
    token = (await issueToken(collector.store)).token
    await insertRows(
      collector.database.sql,
      Array.from({ length: 1_200 }, (_, index) => ({
        id: index + 1,
        session: `s${index + 1}`,
        site: index % 2 ? 'acme' : 'signed',
        detected_at: at - index,
        revision: 1,
        supersedes: null,
      })),
    )
    await insertRows(collector.database.sql, [
      {
        id: 1_201,
        session: 's1',
        site: 'signed',
        detected_at: at,
        revision: 2,
        supersedes: 1,
        reason: 'revoked',
      },
    ])
    await collector.store.feedSequencer.numberRows()
  })
  afterAll(() => collector.end())

  const get = (query: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${collector.url}/v1/lapses?${query}`, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
    })
  const read = async (query: string): Promise<{ lapses: { id: number }[]; next: string }> => {
    const response = await get(query)
    expect(response.status, query).toBe(200)
    return await response.json()
  }
  const listIds = ({ lapses }: { lapses: readonly { id: number }[] }) => lapses.map(({ id }) => id)

  test('returns all rows in the order in which they were committed, and then only new ones', async () => {
    const first = await read('after=beginning')
    const second = await read(`after=${first.next}`)
    expect([...listIds(first), ...listIds(second)]).toEqual(
      Array.from({ length: 1_201 }, (_, index) => index + 1),
    )
    expect(first.lapses).toHaveLength(1_000)
    expect(second.lapses.at(-1)).toMatchObject({ supersedes: 1, reason: 'revoked' })
    expect(await read(`after=${second.next}`)).toEqual({ lapses: [], next: second.next })
    expect(await read('after=latest')).toEqual({ lapses: [], next: second.next })

    expect((await collector.post(createReport({ session: 'new' }))).status).toBe(201)
    await expect.poll(() => read(`after=${second.next}`)).toMatchObject({ lapses: [{ session: 'new' }] })
  })

  test('returns the rows of a selection, also in other formats, with a link to the rows after them', async () => {
    const { next } = await read('after=beginning&limit=3&site=acme&reason=idle_timeout')
    const response = await get(`after=${next}&limit=2&site=acme&format=csv`)
    const link = response.headers.get('link')
    expect((await response.text()).split('\r\n')).toEqual([
      expect.stringMatching(/^id,site,/),
      expect.stringMatching(/^8,acme,s8,/),
      expect.stringMatching(/^10,acme,s10,/),
      '',
    ])
    expect(link).toMatch(/^<\?after=\w+&limit=2&site=acme&format=csv>; rel="next"$/)
    const following = await get(String(link).slice(2, link?.indexOf('>')))
    expect((await following.text()).split('\r\n')[1]).toMatch(/^12,acme/)
    const ecs = await get('after=beginning&format=ecs&limit=1')
    expect(ecs.headers.get('content-type')).toMatch('application/x-ndjson')
    expect(JSON.parse(await ecs.text())).toMatchObject({ event: { id: '1' } })
  })

  test('returns only rows of the site of the token', async () => {
    const { token: ownToken } = await issueToken(collector.store, { site: 'acme' })
    const response = await get('after=beginning', { Authorization: `Bearer ${ownToken}` })
    const { lapses } = await response.json()
    expect(new Set(lapses.map(({ site }: { site: string }) => site))).toEqual(new Set(['acme']))
    const other = await get('after=beginning&site=signed', { Authorization: `Bearer ${ownToken}` })
    expect(other.status).toBe(403)
  })

  test('refuses a text that is no position, and the parameters of other lists', async () => {
    for (const text of [
      '',
      '17',
      'Latest',
      'ZmVlZC4x=',
      'ZmVlZC4x ',
      Buffer.from('feed.-1').toString('base64url'),
    ]) {
      const response = await get(`after=${encodeURIComponent(text)}`)
      expect({ text, status: response.status, ...(await response.json()) }).toMatchObject({
        status: 422,
        errors: [
          {
            parameter: 'after',
            detail: 'must be `beginning`, `latest`, or the `next` of an earlier response',
          },
        ],
      })
    }
    const page = await (await get('limit=1')).json()
    const conflicting = await get(`after=beginning&revisions=current&cursor=${page.next}`)
    expect(await conflicting.json()).toMatchObject({
      type: 'urn:lapse:problem:invalid-query',
      errors: ['cursor', 'revisions'].map((parameter) => ({
        parameter,
        detail: 'cannot be combined with `after`',
      })),
    })
  })

  test.each(['flag:burst', 'flag:review', 'flag:superseded', '-flag:superseded', 'flag:late,burst'])(
    'refuses %s, which later rows can change',
    async (search) => {
      const query = `search=${encodeURIComponent(search)}`
      for (const after of ['beginning', 'latest']) {
        const response = await get(`after=${after}&${query}`)
        expect({ status: response.status, ...(await response.json()) }).toMatchObject({
          status: 422,
          errors: [
            { parameter: 'search', detail: expect.stringMatching(/later rows can change these flags/) },
          ],
        })
      }
      expect((await get(`limit=1&revisions=all&${query}`)).status).toBe(200)
    },
  )

  test('returns the correction of a correction, of which only the first row matches', async () => {
    const { next } = await read('after=latest')
    const reasons = ['idle_timeout', 'ended_early', 'logout']
    await insertRows(
      collector.database.sql,
      reasons.map((reason, index) => ({
        id: 5_000 + index,
        session: 'corrected twice',
        detected_at: at,
        revision: index + 1,
        supersedes: index === 0 ? null : 4_999 + index,
        reason,
      })),
    )
    const query = `after=${next}&session=corrected%20twice`
    await expect.poll(async () => listIds(await read(query))).toEqual([5_000, 5_001, 5_002])
    const search = async (text: string) => listIds(await read(`${query}&search=${text}`))
    expect(await search('reason:idle_timeout')).toEqual([5_000, 5_001, 5_002])
    expect(await search('reason:ended_early')).toEqual([5_001, 5_002])
    expect(await search('reason:logout')).toEqual([5_002])
    expect(await search('reason:revoked')).toEqual([])
    expect(listIds(await read(`${query}&reason=idle_timeout&limit=1`))).toEqual([5_000])
  })

  test('finds the flags that never change', async () => {
    const found = await read('after=beginning&session=s1&search=flag:correction')
    expect(listIds(found)).toEqual([1_201])
    expect((await get('after=latest&search=flag:conflict,late,skew,self_reported')).status).toBe(200)
  })

  test('says what to do about a position that the feed has not reached', async () => {
    const response = await get(`after=${formatPosition(toFeedPosition(999_999))}`)
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({
      type: 'urn:lapse:problem:position-unknown',
      detail: expect.stringMatching(/start again from `beginning`/),
    })
  })
})
