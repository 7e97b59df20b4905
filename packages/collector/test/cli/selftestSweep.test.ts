import { describe, expect, inject, test, vi } from 'vitest'
import type { InProcessCollector } from '../support/collector.ts'
import { createSelftest } from '../support/selftest.ts'

// The command waits for the sweep.
vi.setConfig({ testTimeout: 120_000 })

const sqlite = { name: 'SQLite' }
const neverSweeps = { sweep: { everySeconds: 3600 } }

async function waitForLiveSession({ database }: InProcessCollector): Promise<void> {
  const findLive = async () => expect(await database.sql('session_live')).toHaveLength(1)
  await vi.waitFor(findLive, { timeout: 20_000, interval: 20 })
}

// The tests wait, so they wait together.
describe.concurrent.each(inject('databaseServers'))('lapse selftest, on $name,', (server) => {
  test('says how long the sweep pauses after reports may have been lost, and waits', async (context) => {
    const { collector, run } = await createSelftest(server, context)
    const running = run('acme')
    // Until the command reads it, so that it is recent even if the command starts slowly.
    await vi.waitFor(
      async () => {
        const { databaseTime } = await collector.store.marks.readStatus()
        await collector.database.sql('session_disturbance').update({ disturbed_at: databaseTime })
        expect(await collector.database.sql('session_live')).toHaveLength(1)
      },
      { timeout: 20_000, interval: 20 },
    )
    const { status, stderr } = await running
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(
        /^Activity reports may have been lost at \S+, so the sweep pauses until \S+Z\. Waiting .* at most 2\d s\.\n$/,
      ),
    })
  })
})

describe.concurrent('lapse selftest', () => {
  test('fails and says so if no collector is left to sweep', async (context) => {
    const { collector, run } = await createSelftest(sqlite, context)
    const running = run('acme')
    await waitForLiveSession(collector)
    await collector.close()
    const { status, stdout, stderr } = await running
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /not recorded within \d+ s\. No collector that uses this database is running.*Start lapse serve/,
      ),
    })
    expect(stdout).toMatch(/FAILED: the idle timeout is recorded although nobody has come back/)
  })

  test('fails and says what to look for if the sweep does not run in time', async (context) => {
    const { run } = await createSelftest(sqlite, context, neverSweeps)
    const { status, stderr } = await run('acme')
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /its sweep fails or is behind.*If that collector has a different "sweep"/,
      ),
    })
  })

  test('fails and says so if somebody else has ended the live session', async (context) => {
    const { collector, run } = await createSelftest(sqlite, context, neverSweeps)
    const running = run('acme')
    await waitForLiveSession(collector)
    await collector.database.sql('session_live').delete()
    expect((await running).stderr).toMatch(
      /The session is no longer live, and has no row|The session was not found/,
    )
  })
})
