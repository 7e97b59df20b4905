import { readFileSync } from 'node:fs'

const style = readFileSync(new URL('style.css', import.meta.url), 'utf8')

/** Markup that is safe to send: made by the `html` tag only, which escapes everything that is not. */
export class Html {
  readonly #markup: string

  constructor(markup: string) {
    this.#markup = markup
  }

  toString(): string {
    return this.#markup
  }
}

export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | Html | readonly Html[])[]
): Html {
  return new Html(String.raw({ raw: parts }, ...values.map(toMarkup)))
}

function toMarkup(value: string | Html | readonly Html[]): string {
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.join('')
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

interface Page {
  /** What else the head holds. */
  readonly head?: Html
  readonly content: Html
}

export function page(title: string, { head = html``, content }: Page): string {
  return `${html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Lapse example</title>
<link rel="icon" href="data:,">
<style>${new Html(style)}</style>
${head}
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`}`
}
