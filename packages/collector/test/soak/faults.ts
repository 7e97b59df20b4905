import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { waitUntil } from '../../../../test/engines/engine.ts'
import type { Cluster, Replica } from './cluster.ts'
import type { Random } from './createRandom.ts'
import { longerThanLimitMs } from './limits.ts'
import { reportCohort, reportFlood } from './reportCohort.ts'
import type { SessionHistory } from './sessionHistory.ts'

/** What a fault may use and break. */
export interface FaultContext {
  readonly cluster: Cluster
  readonly histories: SessionHistory[]
  readonly random: Random
  /** Says what happens, for the reader of the output. */
  log(text: string): void
}

export interface Fault {
  readonly name: string
  readonly needsServer?: boolean
  /** Breaks something, and repairs it. */
  run(context: FaultContext): Promise<void>
}

/** Enough for the sweeps of three collectors to take a second or more. */
const cohortSize = 6_000
/** More reports than wait in a collector. */
const floodSize = 14_000
const floods = 3
const expiresInMs = 6_000
/** Another fault may have delayed the sweep by one heartbeat and the slack. */
const maxSweepDelayMs = 60_000

export const faults: readonly Fault[] = [
  {
    name: 'replicas are replaced one after the other',
    async run({ cluster: { replicas } }) {
      for (const replica of replicas) {
        await replica.stop()
        await sleep(1_000)
        await replica.start()
        await sleep(2_000)
      }
    },
  },
  {
    name: 'three collectors sweep, and one of them is killed',
    run: (context) => killInSweep(context, context.cluster.replicas),
  },
  {
    name: 'two collectors sweep, and one of them is killed',
    async run(context) {
      const [idle, ...sweeping] = context.random.shuffle(context.cluster.replicas)
      await idle?.stop()
      await killInSweep(context, sweeping)
      await idle?.start()
    },
  },
  {
    name: 'a collector is overloaded',
    async run({ cluster, histories, random, log }) {
      const [replica] = random.shuffle(cluster.replicas)
      if (!replica) return
      const first = histories.length
      for (let flood = 0; flood < floods; flood++)
        await reportFlood(floodSize, {
          ...{ url: replica.url, token: cluster.token, subject: 'u_flood', histories },
        })
      const refused = histories.slice(first).filter(({ reports }) => reports[0]?.status === 503)
      log(`${refused.length} of ${floods * floodSize} reports got 503`)
      if (refused.length === 0) throw new Error('The collector was not overloaded.')
    },
  },
  {
    name: 'the database is killed, and starts again at once',
    needsServer: true,
    run: (context) => killDatabase(context, 0),
  },
  {
    name: 'the database is killed, and is away for longer than the limit',
    needsServer: true,
    run: (context) => killDatabase(context, longerThanLimitMs),
  },
  {
    name: 'the table of live sessions is locked for longer than the limit',
    async run({ cluster: { database } }) {
      // Locks all of SQLite's file.
      const lock = await database.sql.transaction()
      if (database.url.startsWith('sqlite:'))
        await lock('session_live').update({ site: 'none' }).where({ site: 'none' })
      else await lock.raw('lock tables session_live write')
      await sleep(longerThanLimitMs)
      if (!database.url.startsWith('sqlite:')) await lock.raw('unlock tables')
      await lock.rollback()
    },
  },
  {
    name: 'all collectors are killed',
    async run({ cluster: { replicas } }) {
      await Promise.all(replicas.map((replica) => replica.kill()))
      await sleep(5_000)
      await Promise.all(replicas.map((replica) => replica.start()))
    },
  },
]

/** Lets many sessions expire at the same moment, and kills a collector while they are swept. */
async function killInSweep(
  { cluster, histories, random, log }: FaultContext,
  sweeping: readonly Replica[],
): Promise<void> {
  const [killed] = random.shuffle(sweeping)
  const { sql } = cluster.database
  const subject = `u_${randomUUID()}`
  const countCohort = async (table: string) =>
    Number((await sql(table).where({ subject }).count({ count: '*' }))[0]?.count)
  await reportCohort(cohortSize, expiresInMs, {
    ...{ url: cluster.url, token: cluster.token, subject, histories },
  })
  await waitUntil(async () => (await countCohort('session_audit')) > 0, 'the first timeouts', maxSweepDelayMs)
  await killed?.kill()
  const left = await countCohort('session_live')
  log(`${left} of ${cohortSize} sessions were not swept yet`)
  if (left === 0) throw new Error('The sweep had ended before the collector was killed.')
  await sleep(3_000)
  await killed?.start()
}

async function killDatabase({ cluster: { server } }: FaultContext, awayMs: number): Promise<void> {
  await server?.signal('SIGKILL')
  await sleep(awayMs)
  await server?.startAgain()
}
