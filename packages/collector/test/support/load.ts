import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createReport, origin, postReport } from './collector.ts'

/** The response to one report. */
interface Answer {
  readonly session: string
  /** 0 if the connection failed. */
  readonly status: number
  readonly durationMs: number
  /** When it arrived, by the monotonic clock in milliseconds. */
  readonly at: number
  readonly retryAfter: string | null
}

export interface Load {
  readonly answers: readonly Answer[]
  /** Resolves when a report that was sent after this call is acknowledged. */
  waitForAcknowledgement(withinMs: number): Promise<void>
  stop(): Promise<void>
}

/** Sends reports of new sessions until it is stopped, with this many clients at the same time. */
export function startLoad(url: string, clients = 16): Load {
  const answers: Answer[] = []
  let isStopped = false

  async function postOne(): Promise<Answer> {
    const session = randomUUID()
    const startedAt = performance.now()
    const posted = await postReport(url, createReport({ session }), { Origin: origin }).then(
      async (response) => {
        await response.text()
        return {
          status: response.status,
          retryAfter: response.headers.get('retry-after'),
          failure: undefined,
        }
      },
      () => ({ status: 0, retryAfter: null }),
    )
    const at = performance.now()
    return { session, ...posted, at, durationMs: at - startedAt }
  }

  async function runClient() {
    while (!isStopped) {
      const answer = await postOne()
      answers.push(answer)
      // A steady load, less than the machine can handle.
      await sleep(answer.status === 201 ? 5 : 50)
    }
  }

  const running = Promise.all(Array.from({ length: clients }, runClient))
  return {
    answers,
    async waitForAcknowledgement(withinMs) {
      const from = performance.now()
      const isAcknowledged = () =>
        answers.some(({ status, at, durationMs }) => status === 201 && at - durationMs > from)
      while (!isAcknowledged()) {
        if (performance.now() - from > withinMs)
          throw new Error(`No report was acknowledged within ${withinMs} ms.`)
        await sleep(10)
      }
    },
    async stop() {
      isStopped = true
      await running
    },
  }
}
