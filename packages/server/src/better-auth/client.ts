import type { Lapse, Outcome } from '@lapse/client'
import type { BetterAuthClientPlugin } from 'better-auth/client'
import type { LapseSession } from './sessionAnswer.ts'

/** The options of `lapseClientPlugin`. */
export interface LapseClientPluginOptions {
  /**
   * Called when a session has ended, for example to show a message on the login page.
   *
   * @example
   * ```ts
   * onEnded: (ended) => showMessage(ended.pending ? undefined : ended.reason)
   * ```
   */
  readonly onEnded?: ((ended: NonNullable<Outcome>) => void) | undefined
}

/** The state of better-auth's session atom. */
interface SessionState {
  readonly data: unknown
  readonly error: unknown
  readonly isRefetching: boolean
}

/**
 * Creates a plugin for better-auth's client, of any framework, that tells `@lapse/client` whether there is a session.
 *
 * It only passes on fresh answers: while better-auth asks the server again, its session state is old. Create the
 * client of Lapse with `touchOn: []`, because the server says when it last extended the session.
 *
 * @example
 * ```ts
 * const lapse = createLapse({ site: 'acme', collector, idleTimeoutSeconds: 1800, touchOn: [] })
 * export const auth = createAuthClient({ plugins: [lapseClientPlugin(lapse)] })
 * ```
 */
export function lapseClientPlugin(lapse: Lapse, { onEnded }: LapseClientPluginOptions = {}) {
  /** How far the server's clock is ahead of the browser's. */
  let serverAheadMs = 0

  async function report({ data, error }: SessionState): Promise<void> {
    if (data) {
      const session = (data as { lapse?: LapseSession }).lapse
      // Without it, an administrator impersonates the user, or the server does not have the plugin.
      if (session) lapse.active({ ...session, lastAccessAt: toBrowserTime(session.lastAccessAt) })
    } else if (!error || isUnauthorized(error)) {
      const ended = await lapse.absent()
      if (ended) onEnded?.(ended)
    }
  }

  function toBrowserTime(serverTime: number | undefined): number {
    // better-auth never extends this session, so that any use counts.
    return serverTime === undefined ? Date.now() : serverTime - serverAheadMs
  }

  return {
    id: 'lapse',
    getActions(_fetch, store) {
      // On a server there is no session to watch.
      if ('document' in globalThis) listenForAnswers(store.atoms.session, report)
      return {}
    },
    fetchPlugins: [
      {
        id: 'lapse',
        name: 'Lapse',
        hooks: {
          onResponse({ response }) {
            const date = Date.parse(response.headers.get('Date') ?? '')
            if (date) serverAheadMs = date - Date.now()
          },
          onSuccess({ request }) {
            const { pathname } = new URL(request.url, 'http://localhost')
            if (pathname.endsWith('/sign-out')) void lapse.logout()
          },
        },
      },
    ],
  } satisfies BetterAuthClientPlugin
}

/** Calls a function for each answer of the server. A state that better-auth got elsewhere is no answer. */
function listenForAnswers(
  atom: { listen(listener: (state: SessionState) => void): unknown } | undefined,
  onAnswer: (state: SessionState) => void,
): void {
  let isWaiting = false
  atom?.listen((state) => {
    const hasAnswer = isWaiting && !state.isRefetching
    isWaiting = state.isRefetching
    if (hasAnswer) onAnswer(state)
  })
}

function isUnauthorized(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 401
}
