import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { inWords } from './duration.ts'
import { type Html, html } from './html.ts'
import { workspace } from './workspace.ts'

export function homePage(options: DemoOptions, signedIn: SessionData): Html {
  return workspace(options, signedIn, {
    path: '/',
    content: html`<h2>Try this</h2>
<ol class="steps">
<li>
<p><strong>Wait it out.</strong> Touch nothing for ${inWords(options.idleTimeoutSeconds)}, then open any page.</p>
<p class="outcome">One row: <span class="reason" data-reason="idle_timeout">idle_timeout</span></p>
</li>
<li>
<p><strong>Sign out</strong> with the button above. Leaving on purpose is no lapse.</p>
<p class="outcome">No row</p>
</li>
<li>
<p><strong>Lose the session early,</strong> as when an administrator ends it or the server restarts.</p>
<form method="post" action="/revoke"><button>End my session on the server</button></form>
<p class="outcome">One row: <span class="reason" data-reason="ended_early">ended_early</span></p>
</li>
</ol>`,
  })
}
