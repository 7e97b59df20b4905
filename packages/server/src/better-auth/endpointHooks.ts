import type { BetterAuthPlugin } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import type { LapseServer } from '../lapseServer.ts'
import type { Guard } from './guard.ts'
import type { NewSessions } from './newSessions.ts'
import { addLapseSession } from './sessionAnswer.ts'
import type { SessionReporter } from './sessionReporter.ts'
import { noteSignIn } from './signIn.ts'
import { isStorageOnly, StorageOnlyEnds } from './storageOnlyEnds.ts'

/** Creates the hooks that better-auth calls before and after its endpoints. */
export function createEndpointHooks(
  lapse: LapseServer,
  reporter: SessionReporter,
  newSessions: NewSessions,
  guard: Guard,
): NonNullable<BetterAuthPlugin['hooks']> {
  const ends = new StorageOnlyEnds(lapse, reporter)
  return {
    before: [
      {
        matcher: ({ context }) => isStorageOnly(context.options),
        handler: createAuthMiddleware((context) => guard(() => ends.find(context))),
      },
    ],
    after: [
      {
        matcher: ({ context }) => isStorageOnly(context.options),
        handler: createAuthMiddleware((context) => guard(() => ends.report(context))),
      },
      {
        matcher: ({ context }) => Boolean(context.newSession),
        handler: createAuthMiddleware((context) => guard(() => noteSignIn(context, reporter, newSessions))),
      },
      {
        matcher: ({ path }) => path === '/get-session',
        handler: createAuthMiddleware(async ({ context }) => {
          let answer: unknown
          await guard(() => {
            answer = addLapseSession(context, lapse, reporter)
          })
          return answer
        }),
      },
    ],
  }
}
