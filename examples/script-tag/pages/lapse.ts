import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { type Html, html } from './html.ts'

// The whole integration is these three pieces of markup, and the ticket that ../ticket.ts signs at sign-in.

/** 1. In the head of every page: says whether there is a session, and if so whose. */
export function lapseTag({ collector, site }: DemoOptions, signedIn: SessionData | undefined): Html {
  return signedIn
    ? html`<script src="${collector}/lapse.js" defer data-site="${site}" data-state="active" data-subject="${signedIn.subject}" data-session="${signedIn.alias}" data-ticket="${signedIn.ticket}"></script>`
    : html`<script src="${collector}/lapse.js" defer data-site="${site}" data-state="absent"></script>`
}

/** 2. On the login page: shown by Lapse when the session ended because it sat idle. */
export const lapseMessage = html`<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>`

/** 3. On the way out: an explicit logout is no lapse. */
export const signOutForm = html`<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`
