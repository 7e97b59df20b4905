import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { createLiveRow } from '../support/liveRows.ts'
import { insertRows } from '../support/rows.ts'
import { createActivity, createEnd } from '../support/sessionCollector.ts'

const dayMs = 86_400_000

describe.each(inject('databaseServers'))('A purge of sessions with revisions, on $name,', (server) => {
  let collector: InProcessCollector
  let token: string
  beforeEach(async () => {
    collector = await createCollector(server)
    token = (await issueToken(collector.store)).token
  })
  afterEach(() => collector.end())

  const now = Date.now()
  const getSql = () => collector.database.sql

  /** Inserts a session with one row for each age. */
  async function insertSession(session: string, firstId: number, daysAgo: readonly number[]): Promise<void> {
    await insertRows(
      getSql(),
      daysAgo.map((age, index) => ({
        session,
        id: firstId + index,
        revision: index + 1,
        supersedes: index === 0 ? null : firstId + index - 1,
        detected_at: now - 30 * dayMs,
        received_at: toStoredTime(getSql(), now - age * dayMs),
      })),
    )
  }

  const purge = () => collector.store.retention.purge([{ site: 'acme', before: new Date(now - 10 * dayMs) }])
  const readIds = async () => (await getSql()('session_audit').orderBy('id').pluck('id')).map(Number)
  const readListedIds = async () => {
    const headers = { Authorization: `Bearer ${token}` }
    const { lapses } = await (await fetch(`${collector.url}/v1/lapses`, { headers })).json()
    return lapses.map(({ id }: { id: number }) => id).sort()
  }

  /** Creates a trigger that refuses to delete a row. */
  const refuseDeletion = (id: number) =>
    getSql().raw(
      server.url === undefined
        ? `create trigger keep before delete on session_audit when old.id = ${id} begin select raise(abort, 'keep'); end`
        : `create trigger keep before delete on session_audit for each row begin if old.id = ${id} then signal sqlstate '45000' set message_text = 'keep'; end if; end`,
    )

  test('deletes the expired rows of a session, and the current row stays current', async () => {
    await insertSession('aged', 10, [30, 20, 5])
    await insertSession('old', 20, [40, 30])
    expect(await purge()).toBe(4)
    expect(await readIds()).toEqual([12])
    expect(await readListedIds()).toEqual([12])
    const row = await fetch(`${collector.url}/v1/lapses/12`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(await row.json()).toMatchObject({ supersedes: 11, needsReview: false, earlierRevisions: [] })
  })

  test('keeps a correction that is older than the row that it corrects', async () => {
    // The collectors' clocks differed.
    await insertSession('clocks', 10, [9, 11, 12])
    expect(await purge()).toBe(0)
    expect(await readListedIds()).toEqual([12])
  })

  test('deletes corrections that were received long before the rows that they correct', async () => {
    await insertSession('clocks', 10, [20, 30, 40])
    const others = Array.from({ length: 600 }, (_, index) => index + 100)
    for (const id of others) await insertSession(`other ${id}`, id, [25])
    await insertSession('kept', 1_000, [9, 30])
    expect(await purge()).toBe(603)
    expect(await readIds()).toEqual([1_000, 1_001])
  })

  test('deletes corrections that were received before the rows that they correct, with a refused row between', async () => {
    await insertSession('clocks', 10, [20, 30])
    await insertSession('refused', 20, [25])
    await refuseDeletion(20)
    await expect(purge()).rejects.toThrow('refused to delete 1 rows')
    expect(await readIds()).toEqual([20])
  })

  test('keeps the corrections of a row that the database refuses to delete', async () => {
    await insertSession('kept', 10, [30, 20, 15])
    await insertSession('old', 20, [40, 30])
    await refuseDeletion(10)
    await expect(purge()).rejects.toThrow('keep')
    expect(await readIds()).toEqual([10, 11, 12])
    expect(await readListedIds()).toEqual([12])
  })

  test('deletes the rows before one that the database refuses to delete, and keeps those after it', async () => {
    await insertSession('kept', 10, [30, 20, 15])
    await refuseDeletion(11)
    await expect(purge()).rejects.toThrow('keep')
    expect(await readIds()).toEqual([11, 12])
    expect(await readListedIds()).toEqual([12])
  })

  test.runIf(server.url)('leaves no return of a user who comes back while the row is deleted', async () => {
    const activity = createActivity({ lastAccessAt: now - 45 * 60_000 })
    const { session, marker } = { session: String(activity.session), marker: String(activity.marker) }
    await insertRows(getSql(), [
      { id: 5, session, marker, detected_at: now - 5 * 60_000, detected_by: 'sweep', revision: 1 },
    ])
    // With a live session, the collector reads what is known before it writes.
    await getSql()('session_live').insert(createLiveRow(getSql(), { due_ms: 3_600_000 }))
    const transaction = await getSql().transaction()
    await transaction('session_audit').where({ id: 5 }).delete()
    const answer = collector.post(createEnd(activity))
    await sleep(500)
    await transaction.commit()
    expect((await answer).status).toBe(200)
    expect(await getSql()('session_return')).toEqual([])
  })

  test('deletes when the users of expired rows came back', async () => {
    await insertSession('old', 10, [30])
    await insertSession('new', 20, [5])
    const times = {
      site: 'acme',
      returned_at: toStoredTime(getSql(), now),
      received_at: toStoredTime(getSql(), now),
    }
    await getSql()('session_return').insert([
      { audit_id: 10, ...times },
      { audit_id: 20, ...times },
    ])
    await purge()
    expect((await getSql()('session_return').pluck('audit_id')).map(Number)).toEqual([20])
  })
})
