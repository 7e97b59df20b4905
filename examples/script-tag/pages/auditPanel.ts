import { html } from './html.ts'

// The roles say again what the elements say: on a narrow screen each row is laid out as a card, and
// browsers forget that a table is one once its display is changed.

/** The audit table, filled and kept up to date by demo.js. */
export const auditPanel = html`<section class="side" aria-labelledby="audit-title">
<p class="eyebrow">What the auditor sees</p>
<div class="card audit" data-audit="/audit">
<div class="audit-head">
<h2 id="audit-title">What the audit table says</h2>
<p class="live" role="status" data-live>connecting</p>
</div>
<table role="table" aria-labelledby="audit-title" hidden>
<thead role="rowgroup">
<tr role="row">
<th role="columnheader" scope="col">Whose</th>
<th role="columnheader" scope="col">Why it ended</th>
<th role="columnheader" scope="col">Last seen</th>
<th role="columnheader" scope="col">Expired</th>
<th role="columnheader" scope="col">Noticed</th>
</tr>
</thead>
<tbody role="rowgroup" aria-live="polite" aria-relevant="additions"></tbody>
</table>
<div class="empty" data-empty>
<p><strong>No session has lapsed yet.</strong></p>
<p>Sign in, leave the page alone until the countdown is over, then open any page. The row appears here.</p>
</div>
<p class="note">Table <code>session_audit</code>, newest first. <span data-zone></span></p>
</div>
</section>`
