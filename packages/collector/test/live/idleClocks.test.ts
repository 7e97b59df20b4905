import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, test } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { readStoredTime } from '../../../../test/databases.ts'
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
const shiftedClock = fileURLToPath(new URL('../support/shiftedClock.mjs', import.meta.url))

describe.concurrent.each(inject('databaseServers'))(
  'On $name, nobody is called idle who works while',
  (server) => {
    test.for([
      { jump: 'forward', shiftMs: 3_600_000 },
      { jump: 'back', shiftMs: -3_600_000 },
    ])("the collector's clock jumps an hour $jump", async ({ shiftMs }, { onTestFinished }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const port = await findFreePort()
      const url = `http://127.0.0.1:${port}`
      const configFile = writeConfigIn(folder, {
        ...{ database: replicas.database.url, listen: { port }, rateLimit: false },
        ...{ sites, sweep: { everySeconds: 1 } },
      })
      const environment = { NODE_OPTIONS: `--import ${shiftedClock}`, CLOCK_SHIFT_MS: String(shiftMs) }
      const collector = await startLapseServe(configFile, url, environment)
      onTestFinished(() => stopLapseServe(collector))
      const user = startWorkingUser(() => [url])
      onTestFinished(user.stop)
      await sleep(3_000)
      user.pauseReports()
      collector.kill('SIGUSR2')
      await sleep(backoffMs)
      user.resumeReports()
      await sleep(2 * longerThanLimitMs)
      expect(new Set(user.statuses)).toEqual(new Set([204]))
      // A database server has its own clock, and the collector follows it. SQLite's clock jumps too.
      if (server.url !== undefined) return expectIdleOnlyAfterwards(replicas.database, user)
      const [live] = await replicas.database.sql('session_live').where({ session_key: user.session })
      const jumpedMs = readStoredTime(live?.last_access_at) - user.lastUsedAt
      // Set back, the last access before the jump remains the latest one.
      expect(Math.abs(jumpedMs - Math.max(shiftMs, 0))).toBeLessThan(
        2 * longerThanLimitMs + backoffMs + 10_000,
      )
      expect(await replicas.database.readRows()).toEqual([])
    })
  },
)
