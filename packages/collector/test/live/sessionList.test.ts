import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createConfig, issueToken } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('Live sessions on $name', (server) => {
  let collector: SessionCollector
  let folder: string
  let token: string
  const activities = [
    { session: 'a', subject: 'u_1' },
    { session: 'b', subject: '=1+1' },
    { session: 'ä 中', subject: 'u_2' },
    { site: 'recording', session: 'a', subject: 'u_1' },
    { site: 'limited', session: 'c', subject: null },
  ].map((changes) => createActivity(changes))
  beforeAll(async () => {
    collector = await createSessionCollector(server)
    token = (await issueToken(collector.store)).token
    for (const activity of activities) expect(await collector.use(activity)).toBe(204)
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const { sites, ...config } = createConfig(collector.database.url)
    writeConfigIn(folder, { ...config, sites: { acme: sites.acme } })
  })
  afterAll(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  const get = (query: string, bearer = token) =>
    fetch(`${collector.url}/v1/sessions${query}`, { headers: { Authorization: `Bearer ${bearer}` } })
  const readPage = async (query: string, bearer = token) => {
    const response = await get(query, bearer)
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }
  const readKeys = async (query: string, bearer = token): Promise<string[]> =>
    (await readPage(query, bearer)).sessions.map(
      ({ site, sessionKey }: Record<string, string>) => `${site}/${sessionKey}`,
    )

  test('GET /v1/sessions lists them by site and key, without an address', async () => {
    expect(await readKeys('')).toEqual(['acme/a', 'acme/b', 'acme/ä 中', 'limited/c', 'recording/a'])
    const { sessions } = await readPage('?site=acme&subject=u_1')
    const [activity] = activities
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    expect(sessions).toEqual([
      {
        site: 'acme',
        sessionKey: 'a',
        marker: activity?.marker,
        session: 'a',
        subject: 'u_1',
        evidence: 'self_reported',
        startedAt: time,
        lastAccessAt: time,
        idleTimeoutSeconds: 1800,
        absoluteTimeoutSeconds: null,
        heartbeatSeconds: null,
        expiresAt: time,
        origin: 'https://app.acme.com',
        userAgent: 'node',
        clientVersion: '1.0.0',
        registeredAt: time,
        resumedAt: null,
        resumes: null,
      },
    ])
    const [{ lastAccessAt, expiresAt }] = sessions
    expect(Date.parse(expiresAt) - Date.parse(lastAccessAt)).toBe(30 * minute)
  })

  test.each([
    ['?site=acme', ['acme/a', 'acme/b', 'acme/ä 中']],
    ['?subject=u_1', ['acme/a', 'recording/a']],
    ['?subject=u_1&site=recording', ['recording/a']],
    ['?subject=U_1', []],
    ['?subject=none', []],
  ])('The filter %s selects the matching sessions', async (query, keys) => {
    expect(await readKeys(query)).toEqual(keys)
  })

  test('Pagination returns each session once', async () => {
    for (const filter of ['', '&site=acme', '&subject=u_1']) {
      const expected = await readKeys(`?limit=1000${filter}`)
      const seen: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query: string = `?limit=2${filter}${cursor && `&cursor=${cursor}`}`
        const response = await get(query)
        const page = await response.clone().json()
        seen.push(...(await readKeys(query)))
        cursor = page.next
        expect(response.headers.get('link')).toBe(
          cursor &&
            `<?${new URLSearchParams(`${query.slice(1).split('&cursor=')[0]}&cursor=${cursor}`)}>; rel="next"`,
        )
      }
      expect(seen).toEqual(expected)
    }
  })

  test('A token for one site sees the sessions of that site only', async () => {
    const { token: limited } = await issueToken(collector.store, { site: 'limited' })
    expect(await readKeys('', limited)).toEqual(['limited/c'])
    expect(await readKeys('?subject=u_1', limited)).toEqual([])
    const { next } = await readPage('?limit=1')
    expect(await readKeys(`?cursor=${next}`, limited)).toEqual(['limited/c'])
    const [known, unknown] = [await get('?site=acme', limited), await get('?site=none', limited)]
    expect({ status: known.status, text: await known.text() }).toEqual({
      status: 403,
      text: await unknown.text(),
    })
  })

  test('Only a token with the scope read can list them', async () => {
    expect((await get('', 'none')).status).toBe(401)
    expect((await fetch(`${collector.url}/v1/sessions`)).status).toBe(401)
    expect((await get('', collector.token)).status).toBe(403)
  })

  test.each([
    'limit=0',
    'limit=1001',
    'limit=1e2',
    'cursor=x',
    'cursor=WzEsMl0',
    'session=a',
    'site=',
    'site=acme&site=acme',
  ])('The query %s is refused', async (query) => {
    expect((await get(`?${query}`)).status).toBe(422)
  })

  test('A session that ends disappears from the list', async () => {
    const activity = createActivity({ session: 'ending' })
    await collector.use(activity)
    expect(await readKeys('?site=acme')).toContain('acme/ending')
    await collector.endSession(createEnd(activity))
    expect(await readKeys('?site=acme')).not.toContain('acme/ending')
  })

  test('lapse sessions prints them as a table, NDJSON or CSV', async () => {
    const run = (...args: string[]) => runLapseIn(folder, ['sessions', ...args])
    expect((await run('--help')).stdout).toMatch('--subject')
    const table = await run()
    expect(table.status).toBe(0)
    expect(table.stdout).toMatch(/^site +subject +session +evidence +started_at +last_access_at +expires_at/)
    expect(table.stdout).toMatch(/^acme +u_1 +a +self_reported +\d{4}-/m)
    expect(table.stdout.trimEnd().split('\n')).toHaveLength(6)

    const { stdout: ndjson } = await run('--format', 'ndjson', '--subject', 'u_1')
    const lines = ndjson.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual((await readPage('?subject=u_1')).sessions)

    const { stdout: csv } = await run('--format', 'csv', '--site', 'acme', '--limit', '2')
    const [head, ...rows] = csv.trimEnd().split('\r\n')
    expect(head).toMatch(/^site,sessionKey,marker,session,subject,evidence,/)
    expect(rows).toHaveLength(2)
    expect(rows[1]).toMatch(/^acme,b,[\w-]+,b,'=1\+1,self_reported,/)

    expect((await run('--subject', 'none')).stdout).toBe('No live sessions.\n')
    await collector.database
      .sql('session_live')
      .where({ session_key: 'c' })
      .update({ subject: '\u001b]0;x\u0007' })
    for (const format of ['table', 'ndjson', 'csv']) {
      const { stdout } = await run('--site', 'limited', '--format', format)
      // biome-ignore lint/suspicious/noControlCharactersInRegex: terminals obey these.
      expect(stdout).not.toMatch(/[\u0007\u001b]/)
    }
    const invalid = await run('--site', '', '--limit', '3')
    expect(invalid).toMatchObject({ status: 2, stderr: expect.stringMatching('--site: ') })
    expect((await run('--limit', '0')).status).toBe(2)
  })
})
