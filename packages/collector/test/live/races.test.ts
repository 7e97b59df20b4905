import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import {
  addHelpers,
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('Two collectors at the same time, on $name,', (server) => {
  let collectors: SessionCollector[]
  let first: SessionCollector
  beforeAll(async () => {
    first = await createSessionCollector(server)
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    const config = parseConfig(createConfig(first.database.url, { sites }), environment)
    const second = await startCollector(config, pino({ level: 'silent' }))
    collectors = [
      first,
      addHelpers(
        {
          ...first,
          ...second,
          post: (report, headers = { Origin: origin }) =>
            fetch(`${second.url}/v1/lapses`, {
              method: 'POST',
              headers: { 'Content-Type': 'text/plain', ...headers },
              body: JSON.stringify(report),
            }),
        },
        first.token,
      ),
    ]
  })
  afterAll(async () => {
    await collectors[1]?.close()
    await first.end()
  })

  /** Calls one of the collectors in turn. */
  const spread = <T>(count: number, call: (collector: SessionCollector, index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, index) => call(collectors[index % 2] ?? first, index)))

  test('keep the latest access and the earliest start of a session', async () => {
    const now = Date.now()
    const report = createActivity()
    const statuses = await spread(60, (collector, index) =>
      collector.use({
        ...report,
        lastAccessAt: now - (60 - index) * 1000,
        startedAt: now - 60 * minute - index * 1000,
        sentAt: Date.now(),
      }),
    )
    expect(new Set(statuses)).toEqual(new Set([204]))
    const live = await first.findLive(report.session)
    expect(Math.abs(readStoredTime(live?.last_access_at) - (now - 1000))).toBeLessThan(900)
    expect(Math.abs(readStoredTime(live?.started_at) - (now - 60 * minute - 59_000))).toBeLessThan(900)
  })

  test('write one row for simultaneous reports of a session', async () => {
    const report = createEnd(createActivity({ lastAccessAt: Date.now() - 40 * minute }))
    const answers = await spread(40, (collector) => collector.endSession(report))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(39).fill(200), 201])
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1)
    expect(await first.findRows(report.session)).toHaveLength(1)
  })

  test('leave one current row, whichever of several corrections comes first', async () => {
    const activity = createActivity()
    const answers = await spread(30, (collector, index) =>
      collector.endSession(createEnd(activity, { lastAccessAt: Date.now() - (31 - index) * minute })),
    )
    expect(answers.every(({ status }) => status === 200 || status === 201)).toBe(true)
    const rows = await first.findRows(activity.session)
    expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => index + 1))
    expect(rows.slice(1).map(({ supersedes }) => supersedes)).toEqual(rows.slice(0, -1).map(({ id }) => id))
    expect(rows.length).toBeLessThanOrEqual(11)
  })

  test('never leave a session live that has ended after its last use', async () => {
    const now = Date.now()
    const sessions = Array.from({ length: 20 }, () => createActivity({ lastAccessAt: now - minute }))
    for (const session of sessions) await first.use(session)
    await spread(80, async (collector, index) => {
      const session = sessions[Math.floor(index / 4)] ?? {}
      if (index % 4 === 3) await collector.endSession(createEnd(session))
      else await collector.use({ ...session, lastAccessAt: now - minute + index * 100, sentAt: Date.now() })
    })
    for (const { session } of sessions) {
      expect(await first.findLive(session)).toBeUndefined()
      expect(await first.findRows(session)).toMatchObject([{ revision: 1 }])
    }
  })

  test('store reports of many sessions in any order without a deadlock that anybody notices', async () => {
    const sessions = Array.from({ length: 50 }, () => randomUUID())
    const statuses = await spread(20, async (collector, index) => {
      const ordered = index % 2 === 0 ? sessions : sessions.toReversed()
      const reports = ordered.map((session) => ({ site: 'acme', session, subject: 'u_42' }))
      const response = await collector.postActivity(reports, { Authorization: `Bearer ${collector.token}` })
      return { status: response.status, ...(await response.json()) }
    })
    for (const status of statuses) expect(status).toEqual({ status: 200, accepted: 50, rejected: [] })
  })
})
