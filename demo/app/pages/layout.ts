import { type Html, html } from '../../../examples/_shared/html.ts'
import type { DemoOptions } from '../options.ts'
import type { SessionData } from '../sessionStore.ts'
import { auditPanel } from './auditPanel.ts'
import { renderLapseTag } from './lapseMarkup.ts'

interface Page {
  readonly title: string
  readonly signedIn?: SessionData
  readonly intro?: Html
  /** What the application's user sees. The audit table is next to it. */
  readonly content: Html
}

export function renderLayout(options: DemoOptions, { title, signedIn, intro, content }: Page): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Lapse demo</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
<link rel="stylesheet" href="/workspace.css">
<link rel="stylesheet" href="/audit.css">
<script src="/demo.js" defer></script>
${renderLapseTag(options, signedIn)}
</head>
<body>
<header class="masthead">
<p class="wordmark"><img src="/icon.svg" alt="" width="44" height="20">Lapse</p>
<p>Did this user’s session end because it sat idle, whose was it, and when?</p>
</header>
<main>
${intro}
<div class="sides">
<section class="side" aria-label="What the user sees">
<p class="eyebrow">What the user sees</p>
${content}
</section>
${options.readAuditRows && auditPanel}
</div>
</main>
</body>
</html>
`
}
