import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { env } from 'node:process'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { createLapseServer } from '@lapse/server'
import { lapsePlugin } from '@lapse/server/better-auth'
import { type BetterAuthOptions, betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node'

const url = `http://127.0.0.1:${env.PORT}`
const database = new DatabaseSync(`${env.STORE_FOLDER}/auth.db`, { timeout: 5000 })
database.exec('PRAGMA journal_mode = WAL')

/** Hashing takes longer than everything else in these tests, which sign in many users at once. */
const plainPasswords = {
  hash: async (password: string) => password,
  verify: async ({ hash, password }: { hash: string; password: string }) => hash === password,
}

const options = {
  baseURL: url,
  secret: env.SESSION_SECRET ?? '',
  database,
  emailAndPassword: { enabled: true, password: plainPasswords },
  // All users of the tests have one address.
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  databaseHooks: {
    // The tests know a user by the id that they choose.
    user: { create: { before: async (user) => ({ data: { ...user, id: user.name } }) } },
    session: {
      create: {
        async before({ userId }, context) {
          if (env.SINGLE_SESSION) await context?.context.internalAdapter.deleteUserSessions(userId)
        },
      },
    },
  },
} satisfies BetterAuthOptions

const idleTimeoutSeconds = Number(env.IDLE_TIMEOUT_SECONDS)
const lapse = createLapseServer({
  site: 'acme',
  collector: env.LAPSE_COLLECTOR ?? '',
  token: env.LAPSE_TOKEN,
  ticketSecret: env.LAPSE_TICKET_SECRET,
  idleTimeoutSeconds,
})
const auth = betterAuth({
  ...options,
  session: { expiresIn: idleTimeoutSeconds, updateAge: idleTimeoutSeconds / 30 },
  plugins: [lapsePlugin(lapse)],
})

await (await getMigrations(auth.options)).runMigrations()
const { internalAdapter } = await auth.$context
const script = await bundlePage()
const handleAuth = toNodeHandler(auth)

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', url)
  const redirect = (path: string) => response.writeHead(303, { Location: path }).end()
  const json = (value: unknown) =>
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value))
  response.setHeader('Cache-Control', 'no-store')
  if (pathname.startsWith('/api/auth/')) return void (await handleAuth(request, response))
  if (pathname === '/page.js') return void response.setHeader('Content-Type', 'text/javascript').end(script)
  if (pathname === '/healthz') return void json('ok')
  if (pathname === '/status') return void json((await readSession(request, response, true))?.user.id ?? null)
  if (pathname === '/poll') return void json((await readSession(request, response))?.user.id ?? null)
  if (pathname === '/revoke') {
    await internalAdapter.deleteUserSessions(searchParams.get('user') ?? '')
    return void json('ok')
  }
  if (pathname === '/' && !(await readSession(request, response))) return void redirect('/login')
  response.setHeader('Content-Type', 'text/html').end(renderPage(pathname))
}

/** Reads the session. better-auth extends it if enough time has passed, and then also sets its cookie. */
async function readSession(request: IncomingMessage, response: ServerResponse, disableRefresh = false) {
  const { headers, response: session } = await auth.api.getSession({
    headers: fromNodeHeaders(request.headers),
    query: { disableRefresh },
    returnHeaders: true,
  })
  response.setHeader('Set-Cookie', headers.getSetCookie())
  return session
}

/** Bundles the script of the pages, once for all replicas: a restart must take less time than a session lasts. */
async function bundlePage(): Promise<string> {
  const file = `${env.STORE_FOLDER}/page.js`
  if (existsSync(file)) return readFileSync(file, 'utf8')
  // Loaded only if needed, because that takes a while, too.
  const { build } = await import('vite')
  const input = fileURLToPath(new URL('./betterAuthPage.ts', import.meta.url))
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    build: { write: false, rollupOptions: { input } },
  })
  const [chunk] = 'output' in result ? result.output : []
  if (!chunk) throw new Error('Vite has not built the page.')
  writeFileSync(file, chunk.code)
  return chunk.code
}

function renderPage(pathname: string): string {
  const form = '<form data-lapse-logout><button>Sign out</button></form>'
  const collector = { url: env.LAPSE_COLLECTOR, idleTimeoutSeconds }
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Acme</title><link rel="icon" href="data:,">
<script>window.collector = ${JSON.stringify(collector)}</script>
${pathname === '/' ? form : '<p id="message" hidden>You were signed out after a time without activity.</p>'}
<script type="module" src="/page.js"></script></html>`
}

const server = createServer((request, response) => void handle(request, response))
server.listen(Number(env.PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await lapse.close()
  process.exit()
})
