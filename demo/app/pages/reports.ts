import { formatDuration } from '../../../examples/_shared/formatDuration.ts'
import { type Html, html } from '../../../examples/_shared/html.ts'
import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { renderWorkspace } from './workspace.ts'

export function renderReports(options: DemoOptions, signedIn: SessionData): Html {
  return renderWorkspace(options, signedIn, {
    path: '/reports',
    content: html`<h2>Reports</h2>
<p>Opening this page renewed your session. Lapse updated its marker, and the ${formatDuration(options.idleTimeoutSeconds)} started again.</p>
<p>Open pages as often as you like: while the session is in use, no row is written.</p>
<dl class="figures">
<div><dt>Open items</dt><dd>12</dd></div>
<div><dt>Awaiting approval</dt><dd>3</dd></div>
<div><dt>Closed this week</dt><dd>41</dd></div>
</dl>`,
  })
}
