import { type Html, html } from './html.ts'
import { users } from './users.ts'

interface Page {
  readonly title: string
  /** More elements for the head, such as the script tag. */
  readonly head?: Html
  readonly content: Html
}

/** Renders a whole page. */
export function renderPage({ title, head, content }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Lapse example</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
${head}
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`.toString()
}

/** A form that signs in as one of the example users. */
export function renderSignInForm(action: string): Html {
  return html`<form class="users" method="post" action="${action}">
${users.map(({ subject, role }) => html`<button name="user" value="${subject}">${role} <code>${subject}</code></button>\n`)}
</form>`
}
