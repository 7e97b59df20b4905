import { randomBytes } from 'node:crypto'
import { afterAll, describe, expect, test } from 'vitest'
import { createEngines } from '../engines/engines.ts'
import type { Application } from './application.ts'
import { createVisitor, type Visitor } from './visitor.ts'

/** What a user does, and the reasons of the rows that it leaves. */
export interface Scenario {
  /** Completes the sentence "A user …". */
  readonly title: string
  readonly reasons: readonly string[]
  run(visitor: Visitor): Promise<void>
}

/** The actions in one application that the common scenarios consist of. */
export interface Actions {
  /** Signs in and waits for the marker. */
  signIn(visitor: Visitor): Promise<void>
  /** Closes the application's page, so that it does not poll. */
  leave(visitor: Visitor): Promise<void>
  waitUntilExpired(): Promise<unknown>
  comeBack(visitor: Visitor): Promise<void>
  /** Stops the page's own polls, as a computer that sleeps does. */
  suspend(visitor: Visitor): Promise<unknown>
  signOut(visitor: Visitor): Promise<void>
  /** Polls as the page does when the computer wakes up, and waits until the page has reacted. */
  poll(visitor: Visitor): Promise<void>
}

/** @param logoutReasons the rows that a sign-out in time leaves. */
export function createCommonScenarios(actions: Actions, logoutReasons: readonly string[] = []): Scenario[] {
  return [
    {
      title: 'comes back after the timeout',
      reasons: ['idle_timeout'],
      async run(visitor) {
        await actions.signIn(visitor)
        await actions.leave(visitor)
        await actions.waitUntilExpired()
        await actions.comeBack(visitor)
      },
    },
    {
      title: 'signs out in time',
      reasons: logoutReasons,
      async run(visitor) {
        await actions.signIn(visitor)
        await actions.signOut(visitor)
      },
    },
    {
      title: 'signs out on a page whose session has expired',
      reasons: ['idle_timeout'],
      async run(visitor) {
        await actions.signIn(visitor)
        await actions.suspend(visitor)
        await actions.waitUntilExpired()
        await actions.signOut(visitor)
      },
    },
    {
      title: 'has a page open that polls after the timeout and gets 200',
      reasons: ['idle_timeout'],
      async run(visitor) {
        await actions.signIn(visitor)
        await actions.suspend(visitor)
        await actions.waitUntilExpired()
        await actions.poll(visitor)
      },
    },
  ]
}

interface TestOptions {
  /** Whether the scenarios of an engine run in parallel. */
  readonly concurrent: boolean
  readonly timeoutMs?: number
}

/** Runs the scenarios in each engine, each with a user of its own. */
export function testScenarios(
  scenarios: readonly Scenario[],
  getApplication: () => Application & { createUser(name: string): Promise<void> },
  { concurrent, timeoutMs = 120_000 }: TestOptions,
): void {
  // The engines run in parallel, because the tests mostly wait.
  describe.concurrent.each(createEngines())('In $name,', (engine) => {
    afterAll(() => engine.stop())

    describe('a user', { concurrent, timeout: timeoutMs }, () => {
      for (const { title, reasons, run } of scenarios) {
        test(`who ${title} leaves ${reasons.length > 0 ? `the rows ${reasons.join(', ')}` : 'no row'}`, async () => {
          const application = getApplication()
          const user = `user${randomBytes(6).toString('hex')}`
          await application.createUser(user)
          const visitor = await createVisitor(engine, application, user)
          try {
            await run(visitor)
            expect(await visitor.readReasons(reasons.length)).toEqual(reasons)
          } finally {
            await visitor.browser.close()
          }
        })
      }
    })
  })
}
