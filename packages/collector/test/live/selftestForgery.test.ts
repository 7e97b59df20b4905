import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { issueToken, origin } from '../support/collector.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  type SessionCollector,
} from '../support/sessionCollector.ts'

const site = { origins: [origin], idleTimeoutSeconds: 3, graceSeconds: 1 }
/** A site for each test, so that each counts its own rows. */
const sites = Object.fromEntries(
  ['honest', 'named', 'activity', 'steps', 'end', 'ended', 'shared'].map((name) => [name, site]),
)

/** What a row must have to count as that of a self-test, apart from how the end was detected. */
const pretendSelftest = () => ({
  session: `selftest-${randomUUID()}`,
  subject: 'selftest',
  client: 'selftest',
})

describe.each(inject('databaseServers'))('A report that pretends to be a self-test, on $name,', (server) => {
  let collector: SessionCollector
  let readToken: string
  beforeAll(async () => {
    collector = await createSessionCollector(server, { sites, sweep: { everySeconds: 1 } })
    readToken = (await issueToken(collector.store)).token
    await collector.database.sql.raw('create table audit (session_key varchar(255))')
    const { mirrors } = collector.store
    const columns = [{ column: 'session_key', source: 'session_key' }]
    await mirrors.create(await mirrors.plan({ table: 'audit', columns, where: [] }))
  })
  afterAll(() => collector.end())

  /** Creates the report of a browser on a session that the host has not named, or not yet. */
  const createUse = (changes: Record<string, unknown>) => {
    const now = Date.now()
    const unnamed = { session: undefined, subject: undefined }
    return createActivity({ startedAt: now - 1000, lastAccessAt: now, sentAt: now, ...unnamed, ...changes })
  }

  const waitForRow = (sessionKey: unknown) =>
    vi.waitFor(async () => {
      const [row] = await collector.findRows(sessionKey)
      expect(row).toBeDefined()
      return row ?? {}
    }, 20_000)

  const countCopies = async (...keys: readonly unknown[]) =>
    (await collector.database.sql('audit').whereIn('session_key', keys.map(String))).length

  async function countTimeouts(name: string): Promise<number> {
    const response = await fetch(`${collector.url}/v1/summary?site=${name}`, {
      headers: { Authorization: `Bearer ${readToken}` },
    })
    const { buckets } = await response.json()
    return buckets.reduce(
      (sum: number, { counts }: { counts: Record<string, number> }) => sum + (counts.idle_timeout ?? 0),
      0,
    )
  }

  test.concurrent('has a row of its own, which is neither counted nor copied', async () => {
    const pretended = pretendSelftest()
    await collector.use(createUse({ site: 'honest', ...pretended }))
    expect(await waitForRow(pretended.session)).toMatchObject({ detected_by: 'sweep', subject: 'selftest' })
    expect(await countTimeouts('honest')).toBe(0)
    expect(await countCopies(pretended.session)).toBe(0)
  })

  test.concurrent('does not hide the timeout of a session that has an alias', async () => {
    const real = createUse({ site: 'named', session: `alias-${randomUUID()}` })
    expect(await collector.use(real)).toBe(204)
    expect(await collector.use({ ...real, ...pretendSelftest(), session: real.session })).toBe(204)
    await collector.use({ ...real, ...pretendSelftest(), lastAccessAt: Date.now(), sentAt: Date.now() })
    await waitForRow(real.session)
    expect(await countTimeouts('named')).toBe(1)
    expect(await countCopies(real.session)).toBe(1)
  })

  test.concurrent('does not take over a session that is known by its marker alone', async () => {
    const real = createUse({ site: 'activity' })
    await collector.use(real)
    const later = Date.now() + 1
    expect(await collector.use({ ...real, ...pretendSelftest(), lastAccessAt: later })).toBe(204)
    expect(await collector.findLive(real.marker)).toBeDefined()
    expect(await waitForRow(real.marker)).toMatchObject({ client_version: '1.0.0', subject: null })
    expect(await countTimeouts('activity')).toBe(1)
    expect(await countCopies(real.marker)).toBe(1)
  })

  test.concurrent('does not take over such a session in several steps', async () => {
    const real = createUse({ site: 'steps' })
    await collector.use(real)
    const pretended = pretendSelftest()
    await collector.use({ ...real, session: pretended.session })
    await collector.use({ ...real, ...pretended, lastAccessAt: Date.now() + 1 })
    expect(await waitForRow(real.marker)).toMatchObject({ client_version: '1.0.0', session: null })
    expect(await countCopies(real.marker)).toBe(1)
  })

  test.concurrent('does not end a session that is known by its marker alone', async () => {
    const real = createUse({ site: 'end' })
    await collector.use(real)
    const forged = createEnd({ ...real, ...pretendSelftest() }, { lastAccessAt: Date.now() - 3000 })
    await collector.endSession(forged)
    expect(await collector.findLive(real.marker)).toBeDefined()
    await waitForRow(real.marker)
    expect(await countTimeouts('end')).toBe(1)
  })

  test.concurrent('does not correct the row of a session that is known by its marker alone', async () => {
    const real = createUse({ site: 'ended' })
    await collector.use(real)
    await waitForRow(real.marker)
    const now = Date.now()
    await collector.use({ ...real, ...pretendSelftest(), lastAccessAt: now, sentAt: now })
    await collector.endSession(createEnd({ ...real, ...pretendSelftest() }, { lastAccessAt: now - 1 }))
    const rows = await collector.database
      .sql('session_audit')
      .where({ site: 'ended' })
      .whereNotNull('supersedes')
    expect(rows).toEqual([])
    expect(await countTimeouts('ended')).toBe(1)
  })

  test.concurrent('does not replace the timeout of a session when the sweep meets both', async () => {
    const real = createUse({ site: 'shared' })
    const pretended = pretendSelftest()
    await collector.use({ ...real, ...pretended, lastAccessAt: Date.now() })
    await collector.use(real)
    await waitForRow(real.marker)
    await waitForRow(pretended.session)
    expect(await countTimeouts('shared')).toBe(1)
    expect(await countCopies(real.marker)).toBe(1)
  })
})
