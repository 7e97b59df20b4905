import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, test } from 'vitest'
import { startLapseServe } from '../../../../test/collector.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { writeConfigIn } from '../support/command.ts'
import { createReplicas } from '../support/replicas.ts'
import {
  backoffMs,
  expectIdleOnlyAfterwards,
  longerThanLimitMs,
  shortLimits,
  startWorkingUser,
} from '../support/workingUser.ts'

const sites = { acme: shortLimits }
const missingReports = 'activity reports may be missing: the sweep pauses for one heartbeat plus the slack'

// The tests run at the same time, so each has its own hooks.
describe.concurrent.each(inject('databaseServers'))(
  'On $name, nobody is called idle who works while',
  (server) => {
    test('the only collector restarts, and is away for longer than the limit', async ({ onTestFinished }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      let collector = await replicas.start()
      const user = startWorkingUser(() => [collector.url])
      onTestFinished(user.stop)
      await sleep(2_000)
      await collector.close()
      await sleep(longerThanLimitMs)
      user.pauseReports()
      collector = await replicas.start()
      await sleep(backoffMs)
      user.resumeReports()
      await sleep(longerThanLimitMs)
      expect(user.statuses).toContain(0)
      expect(replicas.listWarnings()).toMatchObject([
        {
          msg: missingReports,
          causes: [expect.stringMatching(/^no collector was running, .* for \d+ seconds$/)],
        },
      ])
      await expectIdleOnlyAfterwards(replicas.database, user)
    })

    test('a collector answers 503, because the database is locked for longer than the limit', async ({
      onTestFinished,
    }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      const { url } = await replicas.start()
      const user = startWorkingUser(() => [url])
      onTestFinished(user.stop)
      await sleep(2_000)
      // Locks what a report of activity changes: the session, or all of SQLite's file.
      const lock = await replicas.database.sql.transaction()
      onTestFinished(async () => {
        if (!lock.isCompleted()) await lock.rollback()
      })
      await lock('session_live').update({ origin: 'https://locked.acme.com' })
      await sleep(longerThanLimitMs)
      const refusals = user.statuses.length
      await waitUntil(async () => user.statuses.length > refusals, 'another refusal')
      expect(user.statuses.at(-1)).toBe(503)
      user.pauseReports()
      await lock.rollback()
      await sleep(backoffMs)
      user.resumeReports()
      await sleep(longerThanLimitMs)
      expect(replicas.listWarnings()).toContainEqual(expect.objectContaining({ msg: missingReports }))
      await expectIdleOnlyAfterwards(replicas.database, user)
    })

    test('replicas are replaced one after the other', async ({ onTestFinished }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      const running = await Promise.all([replicas.start(), replicas.start()])
      const user = startWorkingUser(() => running.map(({ url }) => url))
      onTestFinished(user.stop)
      for (const index of [0, 1]) {
        await sleep(3_000)
        await running[index]?.close()
        await sleep(3_000)
        running[index] = await replicas.start()
      }
      await sleep(3_000)
      // The collectors signed off, so no timeout is delayed.
      expect(replicas.listWarnings()).toEqual([])
      await expectIdleOnlyAfterwards(replicas.database, user)
    })

    test('browsers cannot reach one of three replicas', async ({ onTestFinished }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      const [first, second] = await Promise.all([replicas.start(), replicas.start(), replicas.start()])
      let turn = 0
      const user = startWorkingUser(() => {
        turn += 1
        // Nothing listens on port 9. The load balancer then tries the next replica.
        return turn % 3 === 0 ? ['http://127.0.0.1:9', first.url] : [second.url]
      })
      onTestFinished(user.stop)
      await sleep(longerThanLimitMs)
      expect(user.statuses).toContain(0)
      expect(replicas.listWarnings()).toEqual([])
      await expectIdleOnlyAfterwards(replicas.database, user)
    })

    test.runIf(server.url)(
      'one of two collectors is killed, until the load balancer notices',
      async ({ onTestFinished }) => {
        const replicas = await createReplicas(server, { sites })
        onTestFinished(replicas.end)
        const { url: survivor } = await replicas.start()
        const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
        onTestFinished(() => rmSync(folder, { recursive: true }))
        const port = await findFreePort()
        const url = `http://127.0.0.1:${port}`
        const configFile = writeConfigIn(folder, { database: replicas.database.url, listen: { port }, sites })
        const killed = await startLapseServe(configFile, url)
        onTestFinished(() => void killed.kill('SIGKILL'))
        let urls = [url]
        const user = startWorkingUser(() => urls)
        onTestFinished(user.stop)
        await sleep(500)
        // The next report is due when the collector is killed.
        user.pauseReports()
        await sleep(1_800)
        killed.kill('SIGKILL')
        user.resumeReports()
        // The limit and the slack are over 4.1 s after the kill, and the user works. But the sweep pauses until 6.4 s after
        // the kill or longer: the mark is stale after 2 s at the earliest, and the heartbeat and the slack are 4.4 s.
        await sleep(5_200)
        urls = [survivor]
        await sleep(longerThanLimitMs)
        expect(replicas.listWarnings()).toMatchObject([
          { msg: missingReports, causes: ['collectors have stopped unexpectedly: 1'] },
        ])
        await expectIdleOnlyAfterwards(replicas.database, user)
      },
    )
  },
)
