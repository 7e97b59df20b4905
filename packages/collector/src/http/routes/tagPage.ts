import { createHash } from 'node:crypto'
import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import type { ClientScript } from './clientScript.ts'

/** `GET /tag`: the script tags to copy, with the hash that pins this very file (Subresource Integrity). */
export function tagPage({ settings }: CollectorParts, script: ClientScript): Middleware {
  return (ctx) => {
    const site = String(ctx.query.site ?? '')
    if (site && !Object.hasOwn(settings.sites, site))
      throw new LapseError('unknown-site', 'This collector has no such site. Add it to "sites".')
    ctx.set('Content-Security-Policy', policy)
    ctx.set('Cache-Control', 'no-cache')
    ctx.type = 'html'
    ctx.body = page(script, ctx.state.origin, site || 'YOUR-SITE')
  }
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
  pre { padding: 1rem; border: 1px solid GrayText; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all }
  pre, code { font: 0.875rem/1.5 ui-monospace, monospace }
  h1 { line-height: 1.2 }`
const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

function page({ version, integrity, body }: ClientScript, origin: string, site: string): string {
  const tag = (attributes: string) =>
    `<script src="${origin}/lapse.js?v=${version}"
        integrity="${integrity}"
        crossorigin="anonymous" defer data-site="${site}" ${attributes}></script>`
  const code = (text: string) => `<pre><code>${escaped(text)}</code></pre>`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lapse ${version}: the tag</title>
<style>${style}</style>
<main>
<h1>Put Lapse on your pages</h1>
<p>Version ${version}, ${body.length.toLocaleString('en')} bytes. The hash makes the browser refuse any other file, whoever serves it.</p>
<h2>Pages of a signed-in user</h2>
${code(tag('data-state="active" data-subject="USER-ID" data-session="SESSION-ALIAS"'))}
<p><code>data-subject</code> is an opaque id of the user, <code>data-session</code> a random id made at sign-in: never a name, an address or the session's own id. Add <code>data-ticket</code> if your application signs one.</p>
<h2>The login page</h2>
${code(`${tag('data-state="absent"')}
<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>`)}
<h2>Logout</h2>
${code('<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>')}
<h2>When this collector is updated</h2>
<p>Its script changes with it, and the hash too. Copy the tags anew, or serve <code>lapse.js</code> of the npm package <code>@lapse/client</code> ${version} from your own application, with <code>data-collector="${escaped(origin)}"</code>. A tag without <code>integrity</code> and <code>?v=${version}</code> follows by itself.</p>
</main>
</html>
`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
