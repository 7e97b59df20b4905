import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { findUser } from '../users.ts'
import { inWords } from './duration.ts'
import { type Html, html } from './html.ts'
import { signOutForm } from './lapse.ts'
import { layout } from './layout.ts'

const places = [
  { path: '/', name: 'Home' },
  { path: '/reports', name: 'Reports' },
] as const

interface Workspace {
  readonly path: (typeof places)[number]['path']
  readonly content: Html
}

/** What every signed-in page shows: where one can go, who one is, and how long the session has left. */
export function workspace(options: DemoOptions, signedIn: SessionData, { path, content }: Workspace): Html {
  const { subject, signedInAt } = signedIn
  const idle = inWords(options.idleTimeoutSeconds)
  return layout(options, {
    title: places.find((place) => place.path === path)?.name ?? '',
    signedIn,
    content: html`<div class="card">
<div class="bar">
<nav aria-label="Application">
${places.map((place) => link(place, place.path === path))}
</nav>
${signOutForm}
</div>
<h1>${findUser(subject)?.role ?? 'User'} <code>${subject}</code></h1>
<p>Signed in at ${clock(signedInAt)}, last seen by the server at ${clock(Date.now())}.</p>
<div class="countdown" data-countdown="${options.idleTimeoutSeconds * 1000}">
<p data-running>This session ends <span role="timer" data-left>${idle} after this page was opened</span> unless you open a page.</p>
<progress max="1" value="1" aria-label="Time left"></progress>
<div role="status"><p data-over hidden><strong>Your session has expired.</strong> The browser has dropped its cookie without a word: <a href="${path}">open any page</a>.</p></div>
</div>
${content}
</div>`,
  })
}

function link({ path, name }: (typeof places)[number], isCurrent: boolean): Html {
  return isCurrent
    ? html`<a href="${path}" aria-current="page">${name}</a>`
    : html`<a href="${path}">${name}</a>`
}

/** A time that demo.js shows to the second in the viewer's time zone. */
function clock(at: number): Html {
  const iso = new Date(at).toISOString()
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`
}
