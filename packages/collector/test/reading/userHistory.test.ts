import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { describeDevice } from '../../src/reading/describeDevice.ts'
import { createConfig, issueToken } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'
import { createActivity, createSessionCollector, type SessionCollector } from '../support/sessionCollector.ts'

test.each([
  [
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
    'Firefox 140 on Windows',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
    'Safari 18 on macOS',
  ],
  [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
    'Chrome 140 on Linux',
  ],
  ['Mozilla/5.0', null],
  ['', null],
  [' ', null],
  [null, null],
  ['('.repeat(512), null],
])('The device of %j is %j', (userAgent, device) => {
  expect(describeDevice(userAgent)).toBe(device)
})

const noon = Date.UTC(2026, 0, 2, 12)
const minuteMs = 60_000

describe.each(inject('databaseServers'))('GET /v1/history on $name', (server) => {
  let collector: SessionCollector
  const tokens: Record<string, string> = {}
  const starts = (minutes: number) =>
    server.name === 'SQLite'
      ? new Date(noon + minutes * minuteMs).toISOString()
      : new Date(noon + minutes * minuteMs)
  beforeAll(async () => {
    collector = await createSessionCollector(server)
    tokens.all = (await issueToken(collector.store)).token
    tokens.other = (await issueToken(collector.store, { site: 'other' })).token
    const user = { subject: 'u_9', detected_at: noon + 120 * minuteMs }
    const agent = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
    await insertRows(collector.database.sql, [
      { ...user, id: 1, session: 'timeout', started_at: starts(60), user_agent: agent },
      { ...user, id: 2, session: 'logout', started_at: starts(50), reason: 'logout', expired_at: null },
      {
        ...user,
        id: 3,
        session: 'closed',
        started_at: starts(40),
        reason: 'browser_closed',
        expired_at: null,
      },
      ...[4, 5, 6].map((id) => ({ ...user, id, session: `same-${id}`, started_at: starts(30) })),
      { ...user, id: 7, session: 'unknown-start', started_at: null, last_access_at: starts(20) },
      { ...user, id: 8, session: 'elsewhere', site: 'other', started_at: starts(10) },
      { ...user, id: 9, session: 'corrected', started_at: starts(5) },
      {
        ...{ ...user, id: 10, session: 'corrected', started_at: starts(5), reason: 'logout' },
        ...{ revision: 2, supersedes: 9 },
      },
      { ...user, id: 11, session: 'of-another-user', subject: 'u_99' },
    ])
    for (const session of ['live-1', 'live-2'])
      expect(await collector.use(createActivity({ session, subject: 'u_9' }))).toBe(204)
  })
  afterAll(() => collector.end())

  const get = (query: Record<string, string>, token = 'all') =>
    fetch(`${collector.url}/v1/history?${new URLSearchParams(query)}`, {
      headers: { Authorization: `Bearer ${tokens[token]}` },
    })
  const list = async (query: Record<string, string>, token?: string) =>
    (await (await get(query, token)).json()).sessions.map(({ session }: { session: string }) => session)

  const ended = [
    ...['timeout', 'logout', 'closed', 'same-6', 'same-5', 'same-4', 'unknown-start'],
    ...['elsewhere', 'corrected'],
  ]

  test("A user's sessions are listed with the newest start first, live ones too, on pages of any size", async () => {
    const all = await list({ subject: 'u_9' })
    expect(all).toHaveLength(ended.length + 2)
    expect(all.slice(0, 2).toSorted()).toEqual(['live-1', 'live-2'])
    expect(all.slice(2)).toEqual(ended)
    for (const limit of ['1', '2', '5']) {
      const found: string[] = []
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await (await get({ subject: 'u_9', limit, ...(cursor && { cursor }) })).json()
        found.push(...page.sessions.map(({ session }: { session: string }) => session))
        cursor = page.next
      }
      expect(found, limit).toEqual(all)
    }
  })

  test('A session has its start, its end, its duration, its reason and its device', async () => {
    const { sessions } = await (await get({ subject: 'u_9' })).json()
    const bySession = new Map(sessions.map((each: { session: string }) => [each.session, each]))
    expect(bySession.get('timeout')).toEqual({
      ...{ site: 'acme', session: 'timeout', marker: null },
      startedAt: '2026-01-02T13:00:00.000Z',
      lastAccessAt: '2026-01-02T13:20:00.000Z',
      endedAt: '2026-01-02T13:50:00.000Z',
      durationMs: 50 * minuteMs,
      ...{ reason: 'idle_timeout', evidence: 'self_reported', device: 'Firefox 140 on Windows' },
      ...{ origin: 'https://app.acme.com', id: 1 },
    })
    expect(bySession.get('logout')).toMatchObject({ endedAt: '2026-01-02T14:00:00.000Z' })
    expect(bySession.get('closed')).toMatchObject({ endedAt: '2026-01-02T13:20:00.000Z' })
    expect(bySession.get('unknown-start')).toMatchObject({ startedAt: null, durationMs: null })
    expect(bySession.get('corrected')).toMatchObject({ id: 10, reason: 'logout' })
    expect(bySession.get('live-1')).toMatchObject({ endedAt: null, reason: null, id: null })
  })

  test('A token for one site sees only the sessions of that site', async () => {
    expect(await list({ subject: 'u_9' }, 'other')).toEqual(['elsewhere'])
    expect((await get({ subject: 'u_9', site: 'acme' }, 'other')).status).toBe(403)
    expect(await list({ subject: 'u_9', site: 'other' })).toEqual(['elsewhere'])
  })

  test('A wrong cursor, a missing user and an unknown site are errors', async () => {
    for (const [parameter, query] of [
      ['subject', {}],
      ['cursor', { subject: 'u_9', cursor: 'another' }],
      ['site', { subject: 'u_9', site: 'acmee' }],
    ] as const)
      expect(await (await get({ ...query })).json()).toMatchObject({ status: 422, errors: [{ parameter }] })
  })

  test('lapse history prints the same sessions', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const { sites, ...config } = createConfig(collector.database.url)
    writeConfigIn(folder, { ...config, sites: { acme: sites.acme } })
    const run = (...args: string[]) => runLapseIn(folder, ['history', ...args])
    const [printed, table, unknownUser, unknownSite] = await Promise.all([
      run('u_9', '--format', 'ndjson'),
      run('u_9', '--site', 'other'),
      run('nobody'),
      run('u_9', '--site', 'acmee'),
    ])
    rmSync(folder, { recursive: true })
    const sessions = printed.stdout.trimEnd().split('\n')
    expect(sessions.map((line) => JSON.parse(line).session)).toEqual(await list({ subject: 'u_9' }))
    expect(table.stdout).toMatch(/^site +session .*\nother +elsewhere .*\n$/)
    expect(unknownUser).toMatchObject({ status: 0, stdout: 'No sessions of this user.\n' })
    expect(unknownSite).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('the known sites are acme'),
    })
  })
})
