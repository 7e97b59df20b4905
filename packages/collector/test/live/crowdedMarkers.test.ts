import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { readStoredTime, toStoredTime } from '../../../../test/databases.ts'
import { parseConfig } from '../../src/index.ts'
import { createMysqlConnector } from '../../src/store/database/mysql/mysqlConnection.ts'
import { selectLinks } from '../../src/store/live/linkedSessions.ts'
import { buildMysqlStatements } from '../../src/store/live/mysqlStatements.ts'
import { openSessionFile } from '../../src/store/live/sqliteSessionStore.ts'
import { createConfig, environment } from '../support/collector.ts'
import { createLiveRow } from '../support/liveRows.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

const aliasCount = 2_000
const maxLinks = 40

test('SQLite finds the sessions of a marker by its indexes', async () => {
  const collector = await createSessionCollector({ name: 'SQLite' })
  onTestFinished(() => collector.end())
  const file = openSessionFile(new URL(collector.database.url).pathname, 'session_audit')
  onTestFinished(() => void file.database.close())
  const marker = ['acme', randomUUID()]
  const plan = file.database
    .prepare<string[], { detail: string }>(`explain query plan ${file.statements.selectLinks.source}`)
    .all(...marker, ...marker)
  const searches = plan.map(({ detail }) => detail).filter((detail) => detail.startsWith('SEARCH'))
  expect(searches).toEqual([
    'SEARCH session_live USING INDEX session_live_by_marker (site=? AND marker=?)',
    'SEARCH session_audit USING INDEX session_audit_by_marker (marker=? AND site=?)',
  ])
})

describe.each(inject('databaseServers'))('A marker with thousands of aliases, on $name,', (server) => {
  let collector: SessionCollector
  const marker = randomUUID()
  const used = createActivity({ marker, lastAccessAt: Date.now() - 2 * minute })
  const withoutAlias = (report: object) => ({ ...report, session: undefined, sentAt: Date.now() })

  beforeAll(async () => {
    collector = await createSessionCollector(server)
    expect(await collector.use(used)).toBe(204)
    const { sql } = collector.database
    const rows = Array.from({ length: aliasCount }, () =>
      createLiveRow(sql, { marker, due_ms: minute, registered_at: toStoredTime(sql, Date.now() + minute) }),
    )
    await collector.database.sql.batchInsert('session_live', rows, 500)
    const asServer = { Authorization: `Bearer ${collector.token}` }
    for (let sent = 0; sent < aliasCount; sent += 500) {
      const create = () => ({ ...{ site: 'acme', marker, session: randomUUID() }, reason: 'revoked' })
      const ends = Array.from({ length: 500 }, create)
      expect((await collector.post(ends, asServer)).status).toBe(200)
    }
  })
  afterAll(() => collector.end())

  /** Counts the sessions that the writer locks and reads for reports with these markers alone. */
  async function countLinks(markers: readonly string[]): Promise<number> {
    const { database } = parseConfig(createConfig(collector.database.url), environment)
    if (database.dialect === 'sqlite') {
      const file = openSessionFile(database.path, 'session_audit')
      const links = markers.flatMap((each) => file.statements.selectLinks.all('acme', each, 'acme', each))
      file.database.close()
      return links.length
    }
    const connection = await createMysqlConnector(database)()
    const ids = markers.map((sessionKey) => ({ site: 'acme', sessionKey }))
    const links = await selectLinks(connection, buildMysqlStatements('session_audit'), ids)
    connection.connection.destroy()
    return links.length
  }

  test('leads to few of them', async () => {
    expect(await countLinks([marker])).toBeLessThanOrEqual(maxLinks)
    const others = Array.from({ length: 255 }, () => randomUUID())
    expect(await countLinks([...others, marker])).toBeLessThanOrEqual(maxLinks)
  })

  test('leads to the live session that had the marker first', async () => {
    const lastAccessAt = Date.now()
    expect(await collector.use({ ...withoutAlias(used), lastAccessAt })).toBe(204)
    const live = await collector.findLive(used.session)
    expect(Math.abs(readStoredTime(live?.last_access_at) - lastAccessAt)).toBeLessThan(2_000)
    expect(await collector.findLive(marker)).toBeUndefined()
  })

  test('does not hide the session of another marker in the same batch', async () => {
    const other = createActivity({ lastAccessAt: Date.now() - 2 * minute })
    await collector.use(other)
    const lastAccessAt = Date.now()
    const reports = [used, other].map((report) => ({ ...withoutAlias(report), lastAccessAt }))
    await collector.postActivity(reports, { Authorization: `Bearer ${collector.token}` })
    const live = await collector.findLive(other.session)
    expect(Math.abs(readStoredTime(live?.last_access_at) - lastAccessAt)).toBeLessThan(2_000)
    expect(await collector.findLive(other.marker)).toBeUndefined()
  })

  test('leads to the session with the first row, once none of them is live', async () => {
    await collector.database.sql('session_live').where({ marker }).delete()
    const first = await collector.database.sql('session_audit').where({ marker }).min({ id: 'id' }).first()
    expect(await collector.endSession(withoutAlias(createEnd(used)))).toMatchObject({
      status: 200,
      body: { id: Number(first?.id), duplicate: true },
    })
  })
})
