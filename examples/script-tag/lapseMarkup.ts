import { type Html, html } from '../_shared/html.ts'
import type { AppOptions } from '../_shared/options.ts'

const site = 'acme'

/** The signed-in user, as the session keeps it. */
export interface SignedIn {
  /** An opaque user id, never a name or an email address. */
  readonly subject: string
  /** The session alias: a random id created at sign-in. */
  readonly alias: string
  readonly ticket: string
}

/** For the head of pages with a session. */
export function renderActiveTag(
  { collector, idleTimeoutSeconds }: Pick<AppOptions, 'collector' | 'idleTimeoutSeconds'>,
  { subject, alias, ticket }: SignedIn,
): Html {
  return html`<script src="${collector}/lapse.js" defer data-site="${site}" data-idle-timeout-seconds="${idleTimeoutSeconds}" data-state="active" data-subject="${subject}" data-session="${alias}" data-ticket="${ticket}"></script>`
}

/** For the head of the login page: there is no session. */
export function renderAbsentTag(collector: string): Html {
  return html`<script src="${collector}/lapse.js" defer data-site="${site}" data-state="absent"></script>`
}

/** For the login page: Lapse shows it if the session sat idle. */
export const lapseMessage = html`<p class="message" data-lapse-message hidden>You were signed out after {limit} without activity.</p>`

/** The attribute tells Lapse that the user signs out, so that no timeout is reported. */
export const signOutForm = html`<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`
