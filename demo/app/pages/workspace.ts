import { formatDuration } from '../../../examples/_shared/formatDuration.ts'
import { type Html, html } from '../../../examples/_shared/html.ts'
import { findUser } from '../../../examples/_shared/users.ts'
import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { signOutForm } from './lapseMarkup.ts'
import { renderLayout } from './layout.ts'

const links = [
  { path: '/', name: 'Home' },
  { path: '/reports', name: 'Reports' },
] as const

interface WorkspacePage {
  readonly path: (typeof links)[number]['path']
  readonly content: Html
}

/** Renders a page for a signed-in user: navigation, who is signed in, and how long the session has left. */
export function renderWorkspace(
  options: DemoOptions,
  signedIn: SessionData,
  { path, content }: WorkspacePage,
): Html {
  const { subject, signedInAt } = signedIn
  const idleTimeout = formatDuration(options.idleTimeoutSeconds)
  return renderLayout(options, {
    title: links.find((link) => link.path === path)?.name ?? '',
    signedIn,
    content: html`<div class="card">
<div class="bar">
<nav aria-label="Application">
${links.map((link) => renderLink(link, link.path === path))}
</nav>
${signOutForm}
</div>
<h1>${findUser(subject)?.role ?? 'User'} <code>${subject}</code></h1>
<p>Signed in at ${renderTime(signedInAt)}, last access at ${renderTime(Date.now())}.</p>
<div class="countdown" data-countdown="${options.idleTimeoutSeconds * 1000}">
<p data-running>This session ends <span role="timer" data-left>${idleTimeout} after this page was opened</span> unless you open a page.</p>
<progress max="1" value="1" aria-label="Time left"></progress>
<div role="status"><p data-over hidden><strong>Your session has expired.</strong> The browser has deleted the session cookie and told nobody. <a href="${path}">Open any page</a>.</p></div>
</div>
${content}
</div>`,
  })
}

function renderLink({ path, name }: (typeof links)[number], isCurrent: boolean): Html {
  return isCurrent
    ? html`<a href="${path}" aria-current="page">${name}</a>`
    : html`<a href="${path}">${name}</a>`
}

/** Renders a time. demo.js shows it in the viewer's time zone. */
function renderTime(epochMs: number): Html {
  const iso = new Date(epochMs).toISOString()
  return html`<time datetime="${iso}">${iso.slice(11, 19)} UTC</time>`
}
