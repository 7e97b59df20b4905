import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('A mirror of sessions with revisions, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
    await collector.database.sql.raw(
      'create table audit (id bigint, supersedes bigint, reason varchar(40), subject varchar(40))',
    )
  })
  afterEach(async () => {
    await collector.store.mirrors.drop(await collector.store.mirrors.find('audit'))
    await collector.database.sql('audit').delete()
  })
  afterAll(() => collector.end())

  async function createMirror(...where: { column: string; value: string }[]): Promise<void> {
    const { mirrors } = collector.store
    const columns = ['id', 'supersedes', 'reason', 'subject'].map((column) => ({ column, source: column }))
    await mirrors.create(await mirrors.plan({ table: 'audit', columns, where }))
  }

  const readReasons = () => collector.database.sql('audit').orderBy('id').pluck('reason')

  const now = Date.now()
  const startSession = () => createActivity({ lastAccessAt: now - 50 * minute })
  /** Reports the end of a session that was used `minutes` ago, which decides the reason. */
  const endSession = async (activity: Record<string, unknown>, minutes: number, changes: object = {}) => {
    const answer = await collector.endSession(
      createEnd(activity, { lastAccessAt: now - minutes * minute, ...changes }),
    )
    expect(answer.status).toBe(201)
    return answer.body
  }
  const onlyTimeouts = { column: 'reason', value: 'idle_timeout' }

  test('copies a correction that makes a copied timeout something else', async () => {
    await createMirror(onlyTimeouts)
    const activity = startSession()
    const { id } = await endSession(activity, 50)
    expect(await endSession(activity, 10)).toMatchObject({ reason: 'ended_early' })
    expect(await readReasons()).toEqual(['idle_timeout', 'ended_early'])
    const [, copy] = await collector.database.sql('audit').orderBy('id')
    expect(Number(copy.supersedes)).toBe(id)
  })

  test('copies a correction that makes something else a timeout', async () => {
    await createMirror(onlyTimeouts)
    const activity = startSession()
    await endSession(activity, 45, { detectedAt: now - 40 * minute, sentAt: now - 40 * minute })
    expect(await readReasons()).toEqual([])
    expect(await endSession(activity, 35)).toMatchObject({ reason: 'idle_timeout' })
    expect(await readReasons()).toEqual(['idle_timeout'])
  })

  test('does not copy a correction with the same reason', async () => {
    await createMirror(onlyTimeouts)
    const activity = startSession()
    await endSession(activity, 50)
    await endSession(activity, 40)
    expect(await readReasons()).toEqual(['idle_timeout'])
  })

  test('does not copy a correction if neither row matches', async () => {
    await createMirror({ column: 'reason', value: 'absolute_timeout' })
    const activity = startSession()
    await endSession(activity, 50)
    await endSession(activity, 10)
    expect(await readReasons()).toEqual([])
  })

  test('copies each row with another reason if it has no condition', async () => {
    await createMirror()
    const activity = startSession()
    for (const minutes of [50, 45, 10, 5]) await endSession(activity, minutes)
    expect(await readReasons()).toEqual(['idle_timeout', 'ended_early'])
  })

  test('compares each row as a whole with several conditions, of which some compare with nothing', async () => {
    await createMirror(onlyTimeouts, { column: 'subject', value: 'u_7' })
    const activity = startSession()
    await endSession({ ...activity, subject: null }, 50)
    await endSession({ ...activity, subject: 'u_7' }, 10)
    expect(await readReasons()).toEqual([])
    const other = createActivity({ subject: 'u_7' })
    await endSession(other, 50)
    await endSession({ ...other, subject: null }, 10)
    expect(await readReasons()).toEqual(['idle_timeout', 'ended_early'])
  })

  test('treats a correction like a first row once the corrected row was deleted', async () => {
    await createMirror(onlyTimeouts)
    const activity = startSession()
    const { id } = await endSession(activity, 50)
    const [row] = await collector.findRows(activity.session)
    await collector.database.sql('session_audit').insert({
      ...row,
      id: Number(id) + 1_000,
      revision: 2,
      supersedes: Number(id) + 500,
    })
    expect(await readReasons()).toEqual(['idle_timeout', 'idle_timeout'])
  })

  test('copies a correction that pretends to be a self-test, so nobody can hide a row behind one', async () => {
    await createMirror()
    const activity = startSession()
    const { id } = await endSession({ ...activity, session: undefined }, 50)
    const forged = { session: `selftest-${randomUUID()}`, subject: 'selftest' }
    // The collector writes this report as a row of its own, so the correction has to be inserted here.
    await endSession({ ...activity, ...forged, client: 'selftest' }, 5)
    expect(await readReasons()).toEqual(['idle_timeout'])
    const [row] = await collector.findRows(activity.marker)
    await collector.database.sql('session_audit').insert({
      ...{ ...row, ...forged, client_version: 'selftest', reason: 'ended_early' },
      ...{ id: Number(id) + 1_000, revision: 2, supersedes: id },
    })
    expect(await readReasons()).toEqual(['idle_timeout', 'ended_early'])
  })
})
