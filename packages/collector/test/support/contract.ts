import { randomUUID } from 'node:crypto'
import { type Connection, createConnection } from 'mysql2/promise'
import { pino } from 'pino'
import { Temporal } from 'temporal-polyfill'
import { expect } from 'vitest'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, createReport, environment, issueToken, origin, postReport } from './collector.ts'

/** Connects as an administrator that reads committed data, independently of the server's defaults. */
export async function connectAsRoot(port: number, database?: string): Promise<Connection> {
  const options = {
    ...(database !== undefined && { database }),
    host: '127.0.0.1',
    port,
    user: 'root',
    charset: 'utf8mb4',
    timezone: 'Z',
  }
  const connection = await createConnection({ ...options, ssl: { rejectUnauthorized: false } }).catch(() =>
    createConnection(options),
  )
  await connection.query('set session transaction read write')
  await connection.query(
    "set names utf8mb4, session sql_mode = '', session autocommit = 1, session time_zone = '+00:00'",
  )
  await connection.query('set session sql_select_limit = 18446744073709551615, session sql_safe_updates = 0')
  return connection
}

/** Texts of an attacker, for the fields that browsers send. */
const hostileTexts = [
  "x', 0x6576696c)#",
  "x\\', 0x6576696c)#",
  "中', 0x41)-- ",
  "中' or 1=1 -- ",
  "縗\\' or 1=1 -- ",
  '"; drop table session_audit; --',
  'ends with a backslash \\',
  '😀 outside the basic plane',
]

/**
 * Checks everything that a collector does with its database: recording, recognizing duplicates, reading, filtering,
 * summaries, mirrors, tokens and deletion.
 *
 * @param root a connection to the same database, which reads what is stored.
 */
export async function expectContract(url: string, root: Connection, table = 'session_audit'): Promise<void> {
  const config = parseConfig(
    createConfig(url, {
      table,
      sites: {
        acme: { origins: [origin], idleTimeoutSeconds: 1800, retentionDays: 30 },
        other: { origins: [origin], idleTimeoutSeconds: 1800 },
      },
    }),
    environment,
  )
  const store = openStore(config.database, config.table)
  await store.schema.migrate()
  const collector = await startCollector(config, pino({ level: 'silent' }))
  const post = (report: unknown, headers: Readonly<Record<string, string>> = {}) =>
    postReport(collector.url, report, { Origin: origin, ...headers })
  const readRows = async (where = '1 = 1', values: string[] = []) => {
    const [found] = await root.execute(`select * from ${table} where ${where} order by id`, values)
    // The statement selects rows.
    return found as Record<string, unknown>[]
  }

  try {
    // Writing and duplicates
    for (const text of hostileTexts) {
      const report = createReport({ subject: text, session: `${text} ${randomUUID()}` })
      const ascii = text.replaceAll(/[^ -~]/gu, '')
      const first = await post(report, { 'User-Agent': ascii })
      expect(first.status, text).toBe(201)
      const { id } = await first.json()
      const again = await post(report)
      expect({ status: again.status, ...(await again.json()) }).toMatchObject({
        status: 200,
        id,
        duplicate: true,
      })
      expect(await readRows('session = ?', [String(report.session)])).toMatchObject([
        { id, subject: text, user_agent: ascii.trim(), evidence: 'self_reported', detected_by: 'login_page' },
      ])
    }

    // Simultaneous reports, with ids that differ only in non-ASCII characters, case or a trailing space
    const prefix = randomUUID()
    const aliases = [
      '中',
      '文',
      '?',
      'a',
      'A',
      'a ',
      'ä',
      ...Array.from({ length: 40 }, (_, index) => `s${index}`),
    ]
    const answers = await Promise.all(
      aliases.map(async (alias) => {
        const response = await post(createReport({ session: prefix + alias, subject: null }))
        return { alias, status: response.status, id: (await response.json()).id }
      }),
    )
    const stored = await readRows('session like ?', [`${prefix}%`])
    expect(
      stored.map(({ id, session }) => ({ alias: String(session).slice(prefix.length), status: 201, id })),
    ).toEqual(answers.toSorted((a, b) => a.id - b.id))

    // Tokens, reading and filters
    const reader = await issueToken(store)
    const read = async (path: string, token = reader.token, accept = 'application/json') =>
      fetch(`${collector.url}${path}`, { headers: { Authorization: `Bearer ${token}`, Accept: accept } })
    const total = (await readRows()).length
    expect((await (await read('/v1/lapses?limit=1000')).json()).lapses).toHaveLength(total)
    for (const subject of hostileTexts) {
      const query = new URLSearchParams({ subject, site: 'acme' })
      expect((await (await read(`/v1/lapses?${query}`)).json()).lapses).toMatchObject([{ subject }])
    }
    const siteReader = await issueToken(store, { site: 'other' })
    const injected = new URLSearchParams({ subject: hostileTexts[3] ?? '' })
    expect(await (await read(`/v1/lapses?${injected}`, siteReader.token)).json()).toMatchObject({
      lapses: [],
      next: null,
      emptyBecause: { lastRowAt: null },
    })
    const csv = await (await read('/v1/lapses', reader.token, 'text/csv')).text()
    expect(csv.trimEnd().split('\r\n')).toHaveLength(total + 1)
    const page = await (await read('/v1/lapses?limit=20')).json()
    const next = await (await read(`/v1/lapses?limit=1000&cursor=${page.next}`)).json()
    expect(new Set([...page.lapses, ...next.lapses].map(({ id }) => id)).size).toBe(total)
    const writer = await issueToken(store, { scope: 'write', name: "it's \\ a 中 token" })
    const createServerReport = () => ({
      site: 'acme',
      session: randomUUID(),
      detectedBy: 'server',
      reason: 'revoked',
    })
    const asServer = { Authorization: `Bearer ${writer.token}` }
    expect((await post(createServerReport(), asServer)).status).toBe(201)
    expect(await store.tokens.list()).toContainEqual(expect.objectContaining({ name: "it's \\ a 中 token" }))
    await store.tokens.revoke(writer.id, new Date())
    expect((await post(createServerReport(), asServer)).status).toBe(401)

    // Summaries, from the rows and from the rollup
    const countRows = async () => {
      const { buckets } = await (await read('/v1/summary')).json()
      const counts = buckets.flatMap((bucket: { counts: Record<string, number> }) =>
        Object.values(bucket.counts),
      )
      return counts.reduce((sum: number, count: number) => sum + count, 0)
    }
    expect(await countRows()).toBe(total + 1)
    await root.query(`update ${table} set received_at = received_at - interval 1 hour`)
    await store.rollup.update()
    expect(await countRows()).toBe(total + 1)
    await store.rollup.rebuild()
    expect(await countRows()).toBe(total + 1)

    // The mirror
    await root.query(
      'create table if not exists audit (id bigint primary key auto_increment, user_id varchar(300), ' +
        'note varchar(300), at timestamp(3) null) character set utf8mb4 engine = InnoDB',
    )
    const note = 'it\'s \\ 中 "quoted" `name`'
    const mirror = {
      table: 'audit',
      columns: [
        { column: 'user_id', source: 'subject' },
        { column: 'note', text: note },
        { column: 'at', source: 'last_access_at' },
      ],
      where: [{ column: 'subject', value: hostileTexts[3] ?? '' }],
    }
    for (let times = 0; times < 2; times++) await store.mirrors.create(await store.mirrors.plan(mirror))
    const instants = listClockChanges()
    for (const at of instants)
      await post(createReport({ subject: hostileTexts[3], startedAt: at, lastAccessAt: at }))
    await post(createReport({ subject: 'u_7' }))
    const [copies] = await root.query('select user_id, note, at from audit order by id')
    expect(copies).toEqual(
      instants.map((at) => ({ user_id: hostileTexts[3], note, at: expect.toSatisfy(matchesTime(at)) })),
    )
    await store.mirrors.drop(await store.mirrors.find('audit'))
    expect((await post(createReport({ subject: hostileTexts[3] }))).status).toBe(201)
    expect((await root.query('select count(*) as count from audit'))[0]).toEqual([{ count: instants.length }])

    // Retention
    const before = (await readRows()).length
    await post(createReport({ session: 'old' }))
    await root.query(
      `update ${table} set received_at = received_at - interval 60 day, detected_at = detected_at - interval 60 day where session = 'old'`,
    )
    const expired = [{ site: 'acme', before: new Date(Date.now() - 30 * 86_400_000) }]
    expect(await store.retention.purge(expired)).toBe(1)
    expect(await readRows()).toHaveLength(before)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
  } finally {
    await collector.close()
    await store.close()
  }
}

/** Lists times before and after the last two clock changes in Vienna, in epoch milliseconds. */
function listClockChanges(): number[] {
  const change = Temporal.Now.zonedDateTimeISO('Europe/Vienna').getTimeZoneTransition('previous')
  const changeBefore = change?.getTimeZoneTransition('previous')
  const halfHourMs = 30 * 60_000
  return [change, changeBefore].flatMap((transition) => {
    const at = transition?.epochMilliseconds ?? Number.NaN
    return [at - halfHourMs, at + halfHourMs]
  })
}

/** Times are converted to the collector's clock, which adds less than the duration of the test. */
const matchesTime = (at: number) => (stored: Date) => Math.abs(stored.getTime() - at) < 60_000
