import { createHash } from 'node:crypto'
import type { Site } from '../../domain/site.ts'
import { type ClientScript, loadClientScript } from '../files/loadClientScript.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import { createUnknownQuerySiteError, findQuerySite } from '../request/findQuerySite.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'getTag',
  tags: ['client'],
  summary: 'Get the script tags, with the hash of the client script',
  security: [],
  parameters: [
    {
      name: 'site',
      in: 'query',
      description: 'The name of the site to fill in.',
      schema: { type: 'string' },
      examples: { unknownSite: { value: 'other' } },
    },
  ],
  responses: {
    200: { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } },
    ...describeProblemResponses(['unknown-site'], { unknownSite: createUnknownQuerySiteError() }),
  },
}

/** `GET /tag`: the script tags to copy, with the hash of the client script (Subresource Integrity). */
export const tagPage: Route = {
  method: 'get',
  path: '/tag',
  operation,
  cacheControl: 'no-cache',
  handler({ settings }) {
    const script = loadClientScript()
    return (ctx) => {
      const requested = ctx.query.site === '' ? undefined : findQuerySite(ctx, settings.sites)
      ctx.set('Content-Security-Policy', contentSecurityPolicy)
      ctx.type = 'html'
      ctx.body = renderPage(script, ctx.state.origin, requested ? describeSite(requested) : placeholder)
    }
  },
}

interface TaggedSite {
  readonly name: string
  readonly idleSeconds: number | string
}

/** For a page that is requested without a site. */
const placeholder: TaggedSite = {
  name: 'YOUR-SITE',
  idleSeconds: 'IDLE-TIMEOUT-IN-SECONDS',
}

function describeSite({ name, site }: { readonly name: string; readonly site: Site }): TaggedSite {
  return { name, idleSeconds: site.idleTimeoutSeconds }
}

const style = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem }
  pre { padding: 1rem; border: 1px solid GrayText; border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all }
  pre, code { font: 0.875rem/1.5 ui-monospace, monospace }
  h1 { line-height: 1.2 }`
const styleHash = createHash('sha256').update(style).digest('base64')
const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${styleHash}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

function renderPage(
  { version, integrity, body }: ClientScript,
  origin: string,
  { name, idleSeconds }: TaggedSite,
): string {
  const tag = (attributes: string) =>
    `<script src="${origin}/lapse.js?v=${version}"
        integrity="${integrity}"
        crossorigin="anonymous" defer data-site="${name}" ${attributes}></script>`
  const code = (text: string) => `<pre><code>${escapeHtml(text)}</code></pre>`
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lapse ${version}: script tags</title>
<style>${style}</style>
<main>
<h1>Add Lapse to your pages</h1>
<p>This is version ${version}, ${body.length.toLocaleString('en')} bytes. The hash in <code>integrity</code> makes browsers refuse any other file, no matter who serves it.</p>
<h2>Pages for signed-in users</h2>
${code(
  tag(
    `data-idle-timeout-seconds="${idleSeconds}"
        data-state="active" data-subject="USER-ID" data-session="SESSION-ALIAS"`,
  ),
)}
<p><code>data-idle-timeout-seconds</code> is the idle timeout of the site. Change it here whenever you change it in the configuration. <code>data-subject</code> is an opaque id of the user. <code>data-session</code> is a random id that you create when the user signs in. Never use a name, an email address or the session's own id. Add <code>data-ticket</code> if your application signs tickets.</p>
<h2>The login page</h2>
${code(`${tag('data-state="absent"')}
<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>`)}
<h2>Logout</h2>
${code('<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>')}
<h2>When you update the collector</h2>
<p>A new version has another script and another hash. Copy the tags again, or serve <code>lapse.js</code> from the npm package <code>@lapse/client</code> ${version} in your own application, with <code>data-collector="${escapeHtml(origin)}"</code>. A tag without <code>integrity</code> and <code>?v=${version}</code> always loads the current script. With <code>?site=${name}</code> instead, the script also brings the idle timeout, and the tag needs no <code>data-idle-timeout-seconds</code>.</p>
</main>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
