import { html } from '../../../examples/_shared/html.ts'

// The roles look redundant, but on narrow screens each row is laid out as a card, and browsers remove the table
// semantics of elements whose `display` changes.

/** The audit table. demo.js fills it and keeps it up to date. */
export const auditPanel = html`<section class="side" aria-labelledby="audit-title">
<p class="eyebrow">What the auditor sees</p>
<div class="card audit" data-audit="/audit">
<div class="audit-head">
<h2 id="audit-title">The audit table</h2>
<p class="live" role="status" data-live>connecting</p>
</div>
<table role="table" aria-labelledby="audit-title" hidden>
<thead role="rowgroup">
<tr role="row">
<th role="columnheader" scope="col">User</th>
<th role="columnheader" scope="col">Why it ended</th>
<th role="columnheader" scope="col">Last used</th>
<th role="columnheader" scope="col">Expired</th>
<th role="columnheader" scope="col">Detected</th>
</tr>
</thead>
<tbody role="rowgroup" aria-live="polite" aria-relevant="additions"></tbody>
</table>
<div class="empty" data-empty>
<p><strong>No session has ended yet.</strong></p>
<p>Sign in, wait until the countdown is over, then open any page. The row appears here.</p>
</div>
<p class="note">Table <code>session_audit</code>, newest row first. <span data-zone></span></p>
</div>
</section>`
