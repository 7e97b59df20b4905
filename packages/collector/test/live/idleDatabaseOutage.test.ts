import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { type RunningServer, serverKinds } from '../../../../test/servers.ts'
import { createReplicas } from '../support/replicas.ts'
import {
  backoffMs,
  expectIdleOnlyAfterwards,
  longerThanLimitMs,
  shortLimits,
  startWorkingUser,
} from '../support/workingUser.ts'

const sites = { acme: shortLimits }

// The tests have their own servers, because they stop them. The servers wait at the same time.
describe.concurrent.each(serverKinds)(
  'On $name, nobody is called idle who works while the database',
  ({ start }) => {
    let folder: string
    let server: RunningServer
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      server = await start(join(folder, 'server'))
    })
    afterAll(async () => {
      await server.end()
      rmSync(folder, { recursive: true })
    })

    test.for([
      {
        outage: 'is killed, and away for longer than the limit',
        stop: () => server.signal('SIGKILL'),
        startAgain: () => server.startAgain(),
      },
      {
        outage: 'hangs for longer than the limit',
        stop: () => server.signal('SIGSTOP'),
        startAgain: () => server.signal('SIGCONT'),
      },
    ])('$outage', { concurrent: false }, async ({ stop, startAgain }, { onTestFinished }) => {
      const replicas = await createReplicas(server, { sites })
      onTestFinished(replicas.end)
      const [first, second] = await Promise.all([replicas.start(), replicas.start()])
      const user = startWorkingUser(() => [first.url])
      const other = startWorkingUser(() => [second.url])
      onTestFinished(user.stop)
      onTestFinished(other.stop)
      await sleep(3_000)
      await stop()
      await sleep(1.5 * longerThanLimitMs)
      for (const each of [user, other]) each.pauseReports()
      await startAgain()
      await sleep(backoffMs)
      for (const each of [user, other]) each.resumeReports()
      for (const each of [user, other])
        await waitUntil(async () => each.statuses.at(-1) === 204, 'a confirmed report')
      expect(user.statuses).toContain(503)
      await sleep(longerThanLimitMs)
      await Promise.all([
        expectIdleOnlyAfterwards(replicas.database, user),
        expectIdleOnlyAfterwards(replicas.database, other),
      ])
    })
  },
)
