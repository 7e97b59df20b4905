import { formatDuration } from '../../../examples/_shared/formatDuration.ts'
import { type Html, html } from '../../../examples/_shared/html.ts'
import { users } from '../../../examples/_shared/users.ts'
import type { DemoOptions } from '../options.ts'
import { lapseMessage } from './lapseMarkup.ts'
import { renderLayout } from './layout.ts'

export function renderLogin(options: DemoOptions): Html {
  const idleTimeout = formatDuration(options.idleTimeoutSeconds)
  return renderLayout(options, {
    title: 'Sign in',
    intro: html`<div class="intro">
<h1>Sign in, do nothing for ${idleTimeout}, and see the audit row that says whose session sat idle, since when, and why it ended.</h1>
<ol class="story">
<li><strong>You sign in</strong>The script keeps a marker in this browser: which session, and when it was last used.</li>
<li><strong>${idleTimeout} pass</strong>The session expires. The browser deletes the session cookie and tells nobody.</li>
<li><strong>You come back</strong>There is a marker but no session, so the login page reports it, and one row is written.</li>
</ol>
</div>`,
    content: html`<div class="card">
<h2>Sign in</h2>
<div class="message" role="status">${lapseMessage}</div>
<form class="users" method="post" action="/login" aria-label="Choose a demo user">
${users.map(({ subject, role }) => html`<button name="user" value="${subject}"><span>${role}</span> <code>${subject}</code></button>\n`)}
</form>
<p class="note">Demo users, no passwords. Lapse gets the id, not a name.</p>
</div>`,
  })
}
