import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)

describe.each(inject('databaseServers'))('GET /v1/lapses on $name', (server) => {
  let collector: InProcessCollector
  let read: string
  beforeAll(async () => {
    collector = await createCollector(server)
    read = (await issueToken(collector.store)).token
  })
  afterAll(() => collector.end())

  const fetchRows = (path: string, { token = read, accept = '*/*' } = {}) =>
    fetch(`${collector.url}/v1/lapses${path}`, {
      headers: { Authorization: `Bearer ${token}`, Accept: accept },
    })
  const readSessions = async (path: string) =>
    (await (await fetchRows(path)).json()).lapses.map(({ session }: { session: string }) => session)
  const insert = (rows: Parameters<typeof insertRows>[1]) => insertRows(collector.database.sql, rows)

  describe('with a few rows', () => {
    beforeAll(async () => {
      await collector.database.sql('session_audit').delete()
      await insert([
        { session: 'oldest', detected_at: noon, evidence: 'signed' },
        { session: 'other-site', detected_at: noon + 1, site: 'signed' },
        { session: 'same-time-1', detected_at: noon + 2, reason: 'logout', subject: 'u_7' },
        { session: 'same-time-2', detected_at: noon + 2, reason: 'logout' },
        { session: 'newest', detected_at: noon + 3, evidence: 'server' },
      ])
    })

    test('The response has the newest rows first, with every field', async () => {
      const response = await fetchRows('')
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toMatch('application/json')
      expect(response.headers.get('cache-control')).toBe('no-store')
      const { lapses, next } = await response.json()
      expect(next).toBeNull()
      expect(lapses.map(({ session }: { session: string }) => session)).toEqual([
        'newest',
        'same-time-2',
        'same-time-1',
        'other-site',
        'oldest',
      ])
      expect(lapses[4]).toEqual({
        id: expect.any(Number),
        site: 'acme',
        sessionKey: 'oldest',
        revision: 1,
        supersedes: null,
        marker: null,
        session: 'oldest',
        subject: 'u_42',
        reason: 'idle_timeout',
        evidence: 'signed',
        detectedBy: 'login_page',
        startedAt: '2026-01-02T11:00:00.000Z',
        lastAccessAt: '2026-01-02T11:20:00.000Z',
        expiredAt: '2026-01-02T11:50:00.000Z',
        detectedAt: '2026-01-02T12:00:00.000Z',
        receivedAt: '2026-01-02T12:00:00.000Z',
        elapsedMs: 2_400_000,
        idleTimeoutSeconds: 1800,
        absoluteTimeoutSeconds: null,
        clockSkewMs: -5,
        browserRestarted: false,
        origin: 'https://app.acme.com',
        ip: '203.0.113.0',
        userAgent: 'Mozilla/5.0',
        clientVersion: '1.0.0',
        supersededBy: null,
        needsReview: false,
        returnedAt: null,
        resumedAt: null,
      })
    })

    test.each([
      ['site=signed', ['other-site']],
      ['subject=u_7', ['same-time-1']],
      ['session=newest', ['newest']],
      ['reason=logout', ['same-time-2', 'same-time-1']],
      ['evidence=server', ['newest']],
      ['from=2026-01-02T12:00:00.002Z', ['newest', 'same-time-2', 'same-time-1']],
      ['to=2026-01-02T13:00:00.002%2B01:00', ['other-site', 'oldest']],
      ['site=acme&reason=idle_timeout&to=2026-01-02T12:00:00.003Z', ['oldest']],
      ['subject=U_42', []],
    ])('The filter %s selects the matching rows', async (query, sessions) => {
      expect(await readSessions(`?${query}`)).toEqual(sessions)
    })

    test('A row can be read by its id', async () => {
      const [{ id, ...row }] = (await (await fetchRows('?session=newest')).json()).lapses
      expect(await (await fetchRows(`/${id}`)).json()).toEqual({ id, ...row, earlierRevisions: [] })
      for (const path of ['/999999999', '/x', '/1e3', '/99999999999999999999'])
        expect((await fetchRows(path)).status).toBe(404)
    })

    test('A token of one site cannot read rows of another site', async () => {
      const { token } = await issueToken(collector.store, { site: 'signed' })
      const { lapses } = await (await fetchRows('', { token })).json()
      expect(lapses).toMatchObject([{ site: 'signed' }])
      expect((await fetchRows('?site=acme', { token })).status).toBe(403)
      const [{ id }] = (await (await fetchRows('?session=newest')).json()).lapses
      expect((await fetchRows(`/${id}`, { token })).status).toBe(404)
      expect((await fetchRows(`/${lapses[0].id}`, { token })).status).toBe(200)
    })

    test('Only a token with the scope read can list rows', async () => {
      const unnamed = await fetch(`${collector.url}/v1/lapses`)
      expect({
        status: unnamed.status,
        challenge: unnamed.headers.get('www-authenticate'),
      }).toEqual({ status: 401, challenge: 'Bearer' })
      const { token } = await issueToken(collector.store, { scope: 'write' })
      expect((await fetchRows('', { token })).status).toBe(403)
    })

    test.each(['1e3', '0x10', '0b1', '+1', '1.0', '%201', '1_0', '', '0', '-1', '9'.repeat(400), 'Infinity'])(
      'A limit of "%s" gets 422, because it is not an integer in decimal digits or is out of range',
      async (limit) => {
        const response = await fetchRows(`?limit=${limit}`)
        expect(response.status).toBe(422)
        expect((await response.json()).errors).toEqual([
          { parameter: 'limit', detail: 'must be a whole number from 1 to 1000' },
        ])
      },
    )

    test('The error lists every invalid parameter', async () => {
      const response = await fetchRows(
        '?site=&reason=bored&from=yesterday&to=2026-01-02T00:00:00&limit=1001&cursor=x&color=red&subject=a&subject=b',
      )
      expect(response.status).toBe(422)
      expect(response.headers.get('content-type')).toMatch('application/problem+json')
      const problem = await response.json()
      expect(problem.type).toBe('urn:lapse:problem:invalid-query')
      expect(problem.errors.map(({ parameter }: { parameter: string }) => parameter).sort()).toEqual([
        'color',
        'cursor',
        'from',
        'limit',
        'reason',
        'site',
        'subject',
        'to',
      ])
      const swapped = await (await fetchRows('?from=2026-01-02T12:00:00Z&to=2026-01-02T11:00:00Z')).json()
      expect(swapped.errors).toEqual([{ parameter: 'to', detail: 'must be later than `from`' }])
    })

    test('A time may be precise to the minute, in epoch milliseconds, or a date, which starts in UTC', async () => {
      const lists = await Promise.all(
        ['2026-01-02T00:00:00.000Z', '2026-01-02T01:00%2B01:00', '1767312000000', '2026-01-02'].map(
          async (from) => (await fetchRows(`?from=${from}`)).json(),
        ),
      )
      expect(lists[0].lapses.length).toBeGreaterThan(0)
      expect(lists).toEqual(Array(lists.length).fill(lists[0]))
    })

    test('A cursor that the collector did not issue gets 422', async () => {
      const { next } = await (await fetchRows('?limit=1')).json()
      expect((await fetchRows(`?cursor=${next}`)).status).toBe(200)
      for (const cursor of [next.slice(0, -1), `${next}=`, `${next}!!`])
        expect((await fetchRows(`?cursor=${cursor}`)).status, cursor).toBe(422)
    })

    test('A request that accepts none of the formats gets 406', async () => {
      const response = await fetchRows('', { accept: 'application/xml' })
      expect(response.status).toBe(406)
      expect((await response.json()).detail).toMatch('text/csv')
    })

    test('NDJSON has one row per line, and a page of it links to the next', async () => {
      const response = await fetchRows('', { accept: 'application/x-ndjson' })
      expect(response.headers.get('content-type')).toMatch('application/x-ndjson')
      const lines = (await response.text()).trimEnd().split('\n')
      for (const accept of ['application/ndjson', 'application/x-ndjson; charset=utf-8, text/csv;q=0.5']) {
        const byAnotherName = await fetchRows('', { accept })
        expect((await byAnotherName.text()).trimEnd().split('\n'), accept).toEqual(lines)
      }
      const { lapses } = await (await fetchRows('')).json()
      expect(lines.map((line) => JSON.parse(line))).toEqual(lapses)

      const page = await fetchRows('?format=ndjson&limit=2&site=acme')
      expect((await page.text()).trimEnd().split('\n')).toHaveLength(2)
      const [, link] = /^<(.+)>; rel="next"$/.exec(page.headers.get('link') ?? '') ?? []
      const rest = await fetchRows(String(link))
      expect(rest.headers.get('link')).toBeNull()
      expect((await rest.text()).trimEnd().split('\n')).toHaveLength(2)
    })
  })

  test('Pages neither skip nor repeat rows while new rows arrive', async () => {
    await collector.database.sql('session_audit').delete()
    const old = Array.from({ length: 100 }, (_, index) => ({
      session: `old-${index}`,
      detected_at: noon + Math.floor(index / 7),
    }))
    await insert(old)
    const seen: string[] = []
    for (let cursor: string | null = '', turn = 0; cursor !== null; turn++) {
      const { lapses, next } = await (await fetchRows(`?limit=9${cursor && `&cursor=${cursor}`}`)).json()
      seen.push(...lapses.map(({ session }: { session: string }) => session))
      cursor = next
      await insert([
        { session: `new-${turn}`, detected_at: noon + 1000 + turn },
        { session: `same-${turn}`, detected_at: noon + 14 },
      ])
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter((session) => session.startsWith('old-')).sort()).toEqual(
      old.map(({ session }) => session).sort(),
    )
    expect(seen.some((session) => session.startsWith('new-'))).toBe(false)
  })

  test('The CSV contains no formula for a spreadsheet', async () => {
    await collector.database.sql('session_audit').delete()
    const subjects = ['=1+1', '+1', '-1', '@SUM(1)', '＝1', 'plain, "quoted"']
    await insert(
      subjects.map((subject, index) => ({ session: `s${index}`, subject, detected_at: noon - index })),
    )
    const response = await fetchRows('', { accept: 'text/csv' })
    expect(response.headers.get('content-type')).toMatch('text/csv')
    const [head, ...lines] = (await response.text()).split('\r\n')
    expect(head).toBe(
      'id,site,sessionKey,revision,supersedes,marker,session,subject,reason,evidence,detectedBy,startedAt,lastAccessAt,expiredAt,detectedAt,receivedAt,elapsedMs,idleTimeoutSeconds,absoluteTimeoutSeconds,clockSkewMs,browserRestarted,origin,ip,userAgent,clientVersion,supersededBy,needsReview,returnedAt,resumedAt',
    )
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => /^\d+,acme,s\d,1,,,s\d,(.*),idle_timeout,/.exec(line)?.[1])).toEqual([
      "'=1+1",
      "'+1",
      "'-1",
      "'@SUM(1)",
      "'＝1",
      '"plain, ""quoted"""',
    ])
    // Numbers are not escaped, and unknown values are empty.
    expect(lines[0]).toMatch(/,2026-01-02T12:00:00.000Z,2400000,1800,,-5,false,/)
  })

  test('An export streams all rows, and survives a client that leaves', async () => {
    await collector.database.sql('session_audit').delete()
    await insert(
      Array.from({ length: 20_000 }, (_, index) => ({ session: `s${index}`, detected_at: noon - index })),
    )
    const text = await (await fetchRows('?format=csv')).text()
    expect(text.split('\r\n')).toHaveLength(20_002)
    const sessions = (await (await fetchRows('?format=ndjson')).text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).session)
    expect(sessions).toEqual(Array.from({ length: 20_000 }, (_, index) => `s${index}`))

    const gone = new AbortController()
    const headers = { Authorization: `Bearer ${read}` }
    const response = await fetch(`${collector.url}/v1/lapses?format=ndjson`, { headers, signal: gone.signal })
    await response.body?.getReader().read()
    gone.abort()
    await sleep(50)
    expect((await fetchRows('?limit=1')).status).toBe(200)
    expect(collector.logLines.filter((line) => line.includes('broke off'))).toEqual([])
  })

  test('Every request gets 503 while the rows cannot be read', async () => {
    await collector.database.sql.schema.renameTable('session_audit', 'elsewhere')
    for (const path of ['', '?format=csv', '/1']) {
      const response = await fetchRows(path)
      expect({ path, status: response.status, retryAfter: response.headers.get('retry-after') }).toEqual({
        path,
        status: 503,
        retryAfter: '5',
      })
    }
    await collector.database.sql.schema.renameTable('elsewhere', 'session_audit')
  })
})
