import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createCertificateAuthority } from '../certificates.ts'

/** An application that other sites show in a frame, over https. To a browser, `localhost` is another site. */
export interface FramedPages {
  /** A page of another site. Its query is passed on to the application in its frame. */
  readonly outerUrl: string
  /** The application itself. It takes the state and the attributes of its tag from the query. */
  readonly innerUrl: string
  close(): Promise<void>
}

export async function startFramedPages(port: number, collectorUrl: string): Promise<FramedPages> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const { certPath, keyPath } = createCertificateAuthority(folder).issue('app', 'IP:127.0.0.1,DNS:localhost')
  const certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) }
  const inner = `https://127.0.0.1:${port}`
  const server = createServer(certificate, (incoming, response) => {
    const url = new URL(incoming.url ?? '/', inner)
    if (url.pathname !== '/') return forward(incoming, response, collectorUrl)
    response.setHeader('Content-Type', 'text/html')
    const isInner = incoming.headers.host?.startsWith('127.0.0.1')
    response.end(isInner ? renderInnerPage(url) : renderOuterPage(`${inner}/${url.search}`))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    outerUrl: `https://localhost:${port}/`,
    innerUrl: `${inner}/`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
      rmSync(folder, { recursive: true })
    },
  }
}

/** Forwards a request to the collector, which then has the same origin as the application. */
function forward(incoming: IncomingMessage, response: ServerResponse, collectorUrl: string): void {
  const { method, headers, url } = incoming
  const outgoing = request(new URL(url ?? '', collectorUrl), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    answer.pipe(response)
  })
  incoming.pipe(outgoing)
}

function renderOuterPage(innerUrl: string): string {
  return `<!doctype html><title>Outer</title>
<script>addEventListener('message', ({ data }) => { window.inner = data })</script>
<iframe src="${innerUrl.replaceAll('&', '&amp;')}"></iframe>`
}

function renderInnerPage(url: URL): string {
  const attributes = [...url.searchParams].map(
    ([name, value]) => `${name}="${value.replaceAll('"', '&quot;')}"`,
  )
  return `<!doctype html><title>Inner</title>
<script>
  const errors = []
  window.lapseError = ({ code }) => errors.push(code)
  const report = () => parent.postMessage({ cookies: document.cookie, errors }, '*')
  addEventListener('load', () => setInterval(report, 100))
</script>
<script src="/lapse.js" defer data-site="app" data-on-error="lapseError" ${attributes.join(' ')}></script>`
}
