import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { createCollector, createConfig, environment, type InProcessCollector } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

// The command waits for the sweep.
vi.setConfig({ testTimeout: 120_000 })

const everySecond = { everySeconds: 1 }

describe.each(inject('databaseServers'))('lapse selftest, on $name,', (server) => {
  let folder: string
  let collector: InProcessCollector
  let hasStopped: boolean
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    hasStopped = false
  })
  afterEach(async () => {
    if (hasStopped) {
      await collector.store.close()
      await collector.database.drop()
    } else await collector.end()
    rmSync(folder, { recursive: true })
  })

  async function start(sweep: { readonly everySeconds: number }): Promise<void> {
    collector = await createCollector(server, { sweep })
    writeConfigIn(folder, createConfig(collector.database.url, { sweep: everySecond }))
  }

  const runSelftest = () =>
    runLapseIn(folder, ['selftest', '--site', 'acme', '--url', collector.url], environment)

  const findLive = () => collector.database.sql('session_live')

  test('says how long the sweep pauses after reports may have been lost, and waits', async () => {
    await start(everySecond)
    const { databaseTime } = await collector.store.marks.readStatus()
    await collector.database.sql('session_disturbance').update({ disturbed_at: databaseTime })
    const { status, stderr } = await runSelftest()
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: expect.stringMatching(
        /^Activity reports may have been lost at \S+, so the sweep pauses until \S+Z\. Waiting .* at most 2\d s\.\n$/,
      ),
    })
  })

  test('fails and says so if no collector is left to sweep', async () => {
    await start(everySecond)
    const run = runSelftest()
    await vi.waitFor(async () => expect(await findLive()).toHaveLength(1), { timeout: 20_000, interval: 20 })
    await collector.close()
    hasStopped = true
    const { status, stdout, stderr } = await run
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(
        /not recorded within \d+ s\. No collector that uses this database is running.*Start lapse serve/,
      ),
    })
    expect(stdout).toMatch(/FAILED: the idle timeout is recorded although nobody has come back/)
  })

  test('fails and says what to look for if the sweep does not run in time', async () => {
    await start({ everySeconds: 3600 })
    const { status, stderr } = await runSelftest()
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/its sweep fails or is behind.*If that collector has a different "sweep"/),
    })
  })

  test('fails and says so if somebody else has ended the live session', async () => {
    await start({ everySeconds: 3600 })
    const run = runSelftest()
    await vi.waitFor(async () => expect(await findLive()).toHaveLength(1), { timeout: 20_000, interval: 20 })
    await collector.database.sql('session_live').delete()
    expect((await run).stderr).toMatch(
      /The session is no longer live, and has no row|The session was not found/,
    )
  })
})
