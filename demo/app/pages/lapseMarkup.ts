import { type Html, html } from '../../../examples/_shared/html.ts'
import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'

// The whole integration is this markup and the ticket that app.ts signs at sign-in.

/** For the head of every page: says whether there is a session and, if so, whose. */
export function renderLapseTag(
  { collector, site, idleTimeoutSeconds }: DemoOptions,
  signedIn: SessionData | undefined,
): Html {
  return signedIn
    ? html`<script src="${collector}/lapse.js" defer data-site="${site}" data-idle-timeout-seconds="${idleTimeoutSeconds}" data-state="active" data-subject="${signedIn.subject}" data-session="${signedIn.alias}" data-ticket="${signedIn.ticket}"></script>`
    : html`<script src="${collector}/lapse.js" defer data-site="${site}" data-state="absent"></script>`
}

/** For the login page: Lapse shows it if the session sat idle. */
export const lapseMessage = html`<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>`

/** The attribute tells Lapse that the user signs out, so that no timeout is reported. */
export const signOutForm = html`<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`
