import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serverKinds } from '../../../../test/servers.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { createRandom } from './createRandom.ts'
import { type FaultContext, faults } from './faults.ts'
import { findViolations } from './findViolations.ts'
import { heartbeatSeconds, longerThanLimitMs, slackMs } from './limits.ts'
import type { SessionHistory } from './sessionHistory.ts'
import { startCrowd } from './startCrowd.ts'
import { findStoredSession, readStoredSessions } from './storedSessions.ts'
import { countBy, summarize } from './summarize.ts'

const seed = process.env.LAPSE_SOAK_SEED ?? '1'
/** Each round has every fault once. */
const rounds = Number(process.env.LAPSE_SOAK_ROUNDS ?? 1)
const users = Number(process.env.LAPSE_SOAK_USERS ?? 300)
const staying = Math.ceil(users / 10)
const testTimeoutMs = (rounds + 1) * 10 * 60_000
const calmMs = 8_000
/** By then, everybody who has left is on record, whatever delays the sweep. */
const settleMs = longerThanLimitMs + heartbeatSeconds * 1000 + slackMs + 60_000
const maxShownSessions = 10

const databases = [
  { name: 'SQLite', kind: undefined },
  ...serverKinds.map((kind) => ({ name: kind.name, kind })),
]

describe.each(databases)('On $name, while processes fail under load', ({ name, kind }) => {
  test(
    'no session is lost, none has two current rows, and nobody is called idle who works',
    async () => {
      const startedAt = Date.now()
      const formatTime = (at: number) => `${((at - startedAt) / 1000).toFixed(1)} s`
      const log = (text: string) => console.log(`${name}, ${formatTime(Date.now())}: ${text}`)
      const folder = mkdtempSync(join(tmpdir(), 'lapse-soak-'))
      onTestFinished(() => rmSync(folder, { recursive: true }))
      const cluster = await startCluster(kind, folder)
      const { sql } = cluster.database
      log(`${users} users start to work, seed ${seed}`)

      const histories: SessionHistory[] = []
      const crowd = startCrowd(cluster, histories, { staying, visitors: users - staying, seed })
      onTestFinished(() => crowd.end())
      await sleep(2 * calmMs)
      for (let round = 0; round < rounds; round++) {
        const random = createRandom(`${seed} round ${round}`)
        await runFaults({ cluster, histories, random, log })
      }
      log(`everybody leaves but ${staying}`)
      await crowd.leave()
      await waitUntilSwept(cluster)
      const readAt = Date.now()
      const stored = await readStoredSessions(sql)
      log(`${stored.live.size} sessions are live`)
      await crowd.end()

      log(JSON.stringify(summarize(histories, stored, cluster.readWarnings()), undefined, 2))
      const violations = histories.flatMap((history) => {
        const found = findStoredSession(stored, history)
        return findViolations(history, found, readAt).map((violation) => ({
          ...{ violation, history, stored: found },
        }))
      })
      for (const each of violations.slice(0, maxShownSessions))
        log(JSON.stringify(each, (key, value) => (key.endsWith('At') ? formatTime(value) : value), 1))
      expect(countBy(violations, ({ violation }) => violation)).toEqual({})
      expect(findUnknownKeys(histories, [...stored.rows.keys(), ...stored.live.keys()])).toEqual([])
    },
    testTimeoutMs,
  )
})

async function runFaults(context: FaultContext): Promise<void> {
  const possible = faults.filter(({ needsServer }) => !needsServer || context.cluster.server)
  for (const { name, run } of context.random.shuffle(possible)) {
    context.log(name)
    await run(context)
    context.log('repaired')
    await sleep(calmMs)
  }
}

async function waitUntilSwept({ database: { sql } }: Cluster): Promise<void> {
  const endsBy = performance.now() + settleMs
  while (performance.now() < endsBy) {
    const [{ count } = {}] = await sql('session_live').count({ count: '*' })
    if (Number(count) <= staying) return
    await sleep(1_000)
  }
}

function findUnknownKeys(histories: readonly SessionHistory[], keys: readonly string[]): string[] {
  const known = new Set(histories.flatMap(({ session, marker }) => [session, marker ?? session]))
  return keys.filter((key) => !known.has(key))
}
