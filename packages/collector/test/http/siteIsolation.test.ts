import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { formatNames } from '../../src/reading/formats/formats.ts'
import {
  createCollector,
  createReport,
  type InProcessCollector,
  issueToken,
  origin,
} from '../support/collector.ts'
import { postSignIn, readSetCookie } from '../support/dashboardCookie.ts'
import { insertRows } from '../support/rows.ts'

const site = { origins: [origin], idleTimeoutSeconds: 1800 }
/** Part of every name and value of the other site. */
const secret = 'undisclosed'
const listPaths = ['json', ...formatNames].map((format) => `/v1/lapses?format=${format}`)
/** A number of rows that the other site does not have. */
const ownRows = 3

describe.each(inject('databaseServers'))('A token for one site, on $name,', (server) => {
  let collector: InProcessCollector
  let otherId: number
  let otherCursor: string
  /** Headers with a token for all sites. */
  let everySite: Record<string, string>
  /** Headers for each way to use the token: directly or in a dashboard session, from this machine or another one. */
  const credentials: Record<string, Record<string, string>> = {}
  beforeAll(async () => {
    collector = await createCollector(server, { sites: { shown: site, 'undisclosed-site': site } })
    const other = {
      subject: 'undisclosed-subject',
      user_agent: 'undisclosed agent',
      site: 'undisclosed-site',
    }
    const at = Date.now() - 60_000
    await insertRows(collector.database.sql, [
      { ...other, session: 'undisclosed-1', detected_at: at - 1, reason: 'logout' },
      ...Array.from({ length: ownRows }, (_, index) => ({
        session: `shown-${index}`,
        detected_at: at - 10 - index,
        site: 'shown',
      })),
      { ...other, session: 'undisclosed-2', detected_at: at - 20, reason: 'logout' },
    ])
    const now = Date.now()
    const activity = { site: 'undisclosed-site', session: 'undisclosed-live', subject: 'undisclosed-subject' }
    const used = await fetch(`${collector.url}/v1/activity`, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain', Origin: origin },
      body: JSON.stringify({ ...createReport(activity), lastAccessAt: now, detectedAt: undefined }),
    })
    expect(used.status).toBe(204)
    for (const name of ['shown', 'undisclosed-site'])
      expect((await collector.post(createReport({ site: name, session: `${name}-posted` }))).status).toBe(201)

    const all = (await issueToken(collector.store)).token
    everySite = { Authorization: `Bearer ${all}` }
    const page = await fetch(`${collector.url}/v1/lapses?site=undisclosed-site&limit=1`, {
      headers: everySite,
    })
    const { lapses, next } = await page.json()
    otherId = lapses[0].id
    otherCursor = next

    const { token } = await issueToken(collector.store, { site: 'shown' })
    const cookie = readSetCookie(await postSignIn(collector.url, token))
    const fromOtherMachine = { 'X-Forwarded-For': '203.0.113.7' }
    credentials.token = { Authorization: `Bearer ${token}`, ...fromOtherMachine }
    credentials['token on this machine'] = { Authorization: `Bearer ${token}` }
    credentials.session = { Cookie: cookie, ...fromOtherMachine }
    credentials['session on this machine'] = { Cookie: cookie }
  })
  afterAll(() => collector.end())

  async function get(path: string, headers: Readonly<Record<string, string>>) {
    const response = await fetch(`${collector.url}${path}`, { headers })
    const text = await response.text()
    return { status: response.status, text, all: JSON.stringify([...response.headers]) + text }
  }

  describe.each(['token', 'token on this machine', 'session', 'session on this machine'])(
    'used as a %s',
    (how) => {
      const read = (path: string) => get(path, credentials[how] ?? {})

      test('reveals nothing about another site at any URL', async () => {
        const document = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })
        const { paths } = document.parse(JSON.parse((await read('/openapi.json')).text))
        const readable = Object.keys(paths).filter((path) => paths[path]?.get !== undefined)
        expect(readable.length).toBeGreaterThan(8)
        const addresses = [
          ...readable.map((path) => path.replace('{id}', String(otherId))),
          '/dashboard/session',
          '/dashboard/live-sessions',
          '/tag?site=shown',
          '/lapse.js?site=shown',
          ...listPaths,
          ...listPaths.map((path) => `${path}&limit=1000`),
          `/v1/lapses?cursor=${otherCursor}`,
          '/v1/lapses?after=beginning',
          '/v1/lapses?after=beginning&format=csv',
          '/v1/lapses?reason=logout',
          '/v1/lapses?session=undisclosed-1',
          '/v1/lapses?site=undisclosed-site',
          '/v1/lapses?site=undisclosed-site&format=csv',
          '/v1/sessions?subject=undisclosed-subject',
          '/v1/sessions?site=undisclosed-site',
          '/v1/lapses?revisions=all',
          '/v1/summary?bucket=hour',
          '/v1/summary?site=undisclosed-site',
          '/v1/summary?subject=undisclosed-subject',
          '/v1/history?subject=undisclosed-subject',
          '/v1/history?subject=undisclosed-subject&site=undisclosed-site',
          '/v1/lapses?search=-site:shown&count=true',
          '/v1/lapses?search=site:undisclosed-site',
          '/v1/lapses?search=site:nowhere',
          '/v1/lapses?search=undis*&count=true&download=true&format=csv',
          '/v1/lapses?sort=subject&count=true',
        ]
        for (const path of addresses) {
          const answer = await read(path)
          expect(answer.status, path).toBeLessThan(500)
          // An empty list repeats the filters of the request, and nothing else.
          expect(answer.all.replace(/"filters":"[^"]*"/, ''), path).not.toContain(secret)
        }
      })

      test('gets the same response for a row of another site and for a row that does not exist', async () => {
        const other = await read(`/v1/lapses/${otherId}`)
        const missing = await read('/v1/lapses/999999999')
        expect(other).toMatchObject({ status: 404, text: missing.text })
        expect(missing.status).toBe(404)
      })

      test('gets the same response for a site that exists and for one that does not', async () => {
        for (const path of [
          '/v1/lapses?',
          '/v1/sessions?',
          '/v1/summary?',
          '/v1/lapses?format=csv&',
          '/v1/lapses?after=latest&',
        ]) {
          const known = await read(`${path}site=undisclosed-site`)
          const unknown = await read(`${path}site=nowhere`)
          expect(known).toMatchObject({ status: 403, text: unknown.text })
          expect(unknown.status).toBe(403)
        }
      })

      test('counts only the rows of its own site', async () => {
        const { buckets } = JSON.parse((await read('/v1/summary')).text)
        const counts = buckets.flatMap(({ counts }: { counts: object }) => Object.values(counts))
        expect(counts.reduce((sum: number, count: number) => sum + count, 0)).toBe(ownRows + 1)
      })

      test('counts only the live sessions of its own site', async () => {
        const readCounts = async (headers: Readonly<Record<string, string>>) =>
          JSON.parse((await get('/dashboard/live-sessions', headers)).text).counts
        // The first sweep counts the sessions.
        await expect.poll(() => readCounts(everySite)).toHaveProperty('undisclosed-site')
        expect(Object.keys(await readCounts(credentials[how] ?? {}))).toEqual(['shown'])
      })

      test('reads the metrics of its own site and of the whole process', async () => {
        const { status, text } = await read('/metrics')
        expect(status).toBe(200)
        expect(text).toMatch(/^lapse_verdicts_total\{site="shown",.*\} 1$/m)
        expect(text).not.toContain('site="undisclosed-site"')
        expect(text).toMatch(/^lapse_http_request_duration_seconds_count\{/m)
        expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m)
      })
    },
  )

  test('does not read the metrics of all sites, unlike a token for all sites and programs on this machine', async () => {
    const { token } = await issueToken(collector.store)
    for (const headers of [{ Authorization: `Bearer ${token}` }, {}])
      expect((await get('/metrics', headers)).text).toContain('site="undisclosed-site"')
  })

  test('reads no metrics once it is revoked, not even on this machine', async () => {
    const { token } = await issueToken(collector.store, { site: 'shown', revokedAt: new Date() })
    expect((await get('/metrics', { Authorization: `Bearer ${token}` })).status).toBe(401)
  })
})
