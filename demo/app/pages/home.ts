import { formatDuration } from '../../../examples/_shared/formatDuration.ts'
import { type Html, html } from '../../../examples/_shared/html.ts'
import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { renderWorkspace } from './workspace.ts'

export function renderHome(options: DemoOptions, signedIn: SessionData): Html {
  return renderWorkspace(options, signedIn, {
    path: '/',
    content: html`<h2>Try this</h2>
<ol class="steps">
<li>
<p><strong>Let the session expire.</strong> Do nothing for ${formatDuration(options.idleTimeoutSeconds)}, then open any page.</p>
<p class="outcome">One row: <span class="reason" data-reason="idle_timeout">idle_timeout</span></p>
</li>
<li>
<p><strong>Sign out</strong> with the button above. The session did not sit idle.</p>
<p class="outcome">No row</p>
</li>
<li>
<p><strong>Lose the session early,</strong> as if an administrator had ended it or the server had restarted.</p>
<form method="post" action="/revoke"><button>End my session on the server</button></form>
<p class="outcome">One row: <span class="reason" data-reason="ended_early">ended_early</span></p>
</li>
</ol>`,
  })
}
