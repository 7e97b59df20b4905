import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { toNodeHandler } from 'better-auth/node'
import { build } from 'vite'
import type { Application } from '../../client/application.ts'
import type { HostOptions } from '../../client/hostOptions.ts'
import { listen } from './listen.ts'

/** The rows that the application needs of better-auth's tables. */
interface Tables {
  readonly [table: string]: Record<string, unknown>[]
  readonly user: Record<string, unknown>[]
  readonly session: Record<string, unknown>[]
}

/** Starts an application with better-auth, which extends a session once half of its time has passed. */
export async function startBetterAuth(options: HostOptions): Promise<Application> {
  const { port, idleTimeoutSeconds, site, collector } = options
  const tables: Tables = { user: [], session: [], account: [], verification: [] }
  const auth = betterAuth({
    baseURL: `http://127.0.0.1:${port}`,
    secret: randomBytes(32).toString('base64url'),
    database: memoryAdapter(tables),
    emailAndPassword: { enabled: true },
    session: { expiresIn: idleTimeoutSeconds, updateAge: idleTimeoutSeconds / 2 },
    telemetry: { enabled: false },
    // All users of the tests have one address.
    rateLimit: { enabled: false },
  })
  const script = await bundlePage()
  const page = renderPage({ site, collector, idleTimeoutSeconds })
  const handleAuth = toNodeHandler(auth)
  const handler: Parameters<typeof listen>[1] = (request, response) => {
    if (request.url?.startsWith('/api/auth/')) return void handleAuth(request, response)
    response.setHeader('Cache-Control', 'no-store')
    if (request.url === '/page.js') response.setHeader('Content-Type', 'text/javascript').end(script)
    else response.setHeader('Content-Type', 'text/html').end(page)
  }
  return listen(options, handler, (subject) => {
    const user = tables.user.findLast(({ name }) => name === subject)
    const session = tables.session.findLast(({ userId }) => userId === user?.id)
    return session && { alias: String(session.id) }
  })
}

async function bundlePage(): Promise<string> {
  const entry = fileURLToPath(new URL('./betterAuthPage.ts', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, rollupOptions: { input: entry } },
  })
  const [chunk] = 'output' in result ? result.output : []
  if (!chunk) throw new Error('Vite has not built the page.')
  return chunk.code
}

function renderPage(lapseOptions: object): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Loading</title>
<script>window.lapseOptions = ${JSON.stringify(lapseOptions)}</script>
<form id="form"><button>Sign out</button></form>
<script type="module" src="/page.js"></script></html>`
}
