import type { DemoOptions } from '../options.ts'
import { users } from '../users.ts'
import { inWords } from './duration.ts'
import { type Html, html } from './html.ts'
import { lapseMessage } from './lapse.ts'
import { layout } from './layout.ts'

export function loginPage(options: DemoOptions): Html {
  const idle = inWords(options.idleTimeoutSeconds)
  return layout(options, {
    title: 'Sign in',
    intro: html`<div class="intro">
<h1>Sign in, do nothing for ${idle}, and see the audit row that says whose session sat idle, since when, and why it ended.</h1>
<ol class="story">
<li><strong>You sign in</strong>The page keeps a marker in this browser: which session, and when it was last used.</li>
<li><strong>${idle} pass</strong>The session expires. The browser drops its cookie and tells no one.</li>
<li><strong>You come back</strong>A marker, but no session: the login page reports it, and one row is written.</li>
</ol>
</div>`,
    content: html`<div class="card">
<h2>Sign in</h2>
<div class="message" role="status">${lapseMessage}</div>
<form class="users" method="post" action="/login" aria-label="Choose a demo user">
${users.map(({ subject, role }) => html`<button name="user" value="${subject}"><span>${role}</span> <code>${subject}</code></button>\n`)}
</form>
<p class="note">Demo users, no password. Lapse is told the id, never a name.</p>
</div>`,
  })
}
