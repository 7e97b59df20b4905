import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { createRandom } from './createRandom.ts'
import { heartbeatSeconds } from './limits.ts'
import type { SessionHistory } from './sessionHistory.ts'
import { planUser, type SimulationOptions, simulateUser } from './simulateUser.ts'

interface CrowdOptions {
  /** How many users come and go: when one has left, another one comes. */
  readonly visitors: number
  /** How many users work until the end. */
  readonly staying: number
  readonly seed: string
}

/** Simulates many users at the same time, and notes in `histories` what happens in their sessions. */
export function startCrowd(
  { url, token }: Cluster,
  histories: SessionHistory[],
  { visitors, staying, seed }: CrowdOptions,
) {
  const leaving = new AbortController()
  const ending = new AbortController()
  const options: SimulationOptions = { url, token, leaving: leaving.signal, ending: ending.signal }
  let count = 0

  async function simulate(stays: boolean): Promise<void> {
    count += 1
    const random = createRandom(`${seed} user ${count}`)
    // Not all users report at the same moment.
    await sleep(random.between(0, heartbeatSeconds * 1000))
    const plan = planUser(random)
    await simulateUser(stays ? { ...plan, ending: 'stays' } : plan, random, options, histories)
  }
  async function fillPlace(): Promise<void> {
    while (!leaving.signal.aborted) await simulate(false)
  }

  const stayed = Promise.all(Array.from({ length: staying }, () => simulate(true)))
  const left = Promise.all(Array.from({ length: visitors }, fillPlace))
  return {
    /** Sends the visitors home. Resolves when all have reported what they have to report. */
    async leave(): Promise<void> {
      leaving.abort()
      await left
    },
    async end(): Promise<void> {
      leaving.abort()
      ending.abort()
      await Promise.all([left, stayed])
    },
  }
}
