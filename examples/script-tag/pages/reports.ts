import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { inWords } from './duration.ts'
import { type Html, html } from './html.ts'
import { workspace } from './workspace.ts'

export function reportsPage(options: DemoOptions, signedIn: SessionData): Html {
  return workspace(options, signedIn, {
    path: '/reports',
    content: html`<h2>Reports</h2>
<p>Opening this page was an access. The server renewed the session, Lapse moved its marker to the same moment, and the ${inWords(options.idleTimeoutSeconds)} began again.</p>
<p>Go back and forth as long as you like: no row is written while the session is in use.</p>
<dl class="figures">
<div><dt>Open items</dt><dd>12</dd></div>
<div><dt>Awaiting approval</dt><dd>3</dd></div>
<div><dt>Closed this week</dt><dd>41</dd></div>
</dl>`,
  })
}
