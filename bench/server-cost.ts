// Measures what @lapse/server adds to a request of an Express application: while the collector answers, while nobody
// listens there, and while nobody answers. Run: pnpm build && node bench/server-cost.ts
import { once } from 'node:events'
import { Agent, createServer, request as sendRequest } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { promisify } from 'node:util'
import { createLapseServer } from '@lapse/server'
import { lapseExpress } from '@lapse/server/express'
import express from 'express'
import session from 'express-session'
import { startCollector } from '../test/collector.ts'
import { type ListeningServer, listen } from '../test/listen.ts'
import { findFreePort } from '../test/servers.ts'
import { computeMedian } from './median.ts'

const actions = ['signIn', 'page', 'signOut'] as const
type Times = Record<(typeof actions)[number], number[]>

const rounds = 5
const usersPerRound = 400
const pagesPerUser = 5

const collector = await startCollector(
  { name: 'SQLite' },
  {
    sites: { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } },
    rateLimit: { requestsPerMinute: 1_000_000 },
  },
)
const token = (await collector.runLapse('token', 'create', '--scope', 'write')).trim()
const silent = createTcpServer(() => {}).listen(0, '127.0.0.1')
await once(silent, 'listening')
const silentAddress = silent.address()
const silentPort = typeof silentAddress === 'object' ? silentAddress?.port : undefined

const collectors: Readonly<Record<string, string | undefined>> = {
  'without Lapse': undefined,
  'collector up': collector.url,
  'nobody listens': `http://127.0.0.1:${await findFreePort()}`,
  'nobody answers': `http://127.0.0.1:${silentPort}`,
}

const apps: Record<string, ListeningServer> = {}
for (const [name, url] of Object.entries(collectors)) apps[name] = await startApp(url)

const times = new Map(Object.keys(apps).map((name) => [name, { signIn: [], page: [], signOut: [] } as Times]))
// The first round warms up and is thrown away.
for (let round = 0; round <= rounds; round++) {
  for (const [name, { url }] of Object.entries(apps)) {
    const measured = await measure(url)
    if (round === 0) continue
    for (const action of actions) times.get(name)?.[action].push(...measured[action])
  }
}
const bare = times.get('without Lapse')
for (const action of actions) {
  const baseline = computeMedian(bare?.[action] ?? [])
  console.log(action)
  console.table(
    Object.fromEntries(
      [...times].map(([name, { [action]: all }]) => [
        name,
        {
          'median, µs': Math.round(computeMedian(all)),
          ratio: (computeMedian(all) / baseline).toFixed(2),
          'added, µs': Math.round(computeMedian(all) - baseline),
          'p99, µs': Math.round(all.toSorted((a, b) => a - b)[Math.floor(all.length * 0.99)] ?? 0),
        },
      ]),
    ),
  )
}
await collector.end()
process.exit()

async function startApp(collectorUrl: string | undefined): Promise<ListeningServer> {
  const app = express()
  app.use(
    session({
      secret: 'unused',
      rolling: true,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 1_800_000 },
    }),
  )
  if (collectorUrl !== undefined) {
    const options = {
      site: 'acme',
      collector: collectorUrl,
      token,
      idleTimeoutSeconds: 1800,
      ticketSecret: 's'.repeat(32),
    }
    app.use(lapseExpress(createLapseServer(options).on('error', () => {})))
  }
  app.get('/sign-in', async (request, response) => {
    await promisify(request.session.regenerate.bind(request.session))()
    if (collectorUrl === undefined) Object.assign(request.session, { subject: 'u_42' })
    else request.lapse.signIn('u_42')
    response.send('ok')
  })
  app.get(
    '/page',
    (_request, response) => void response.send(`<!doctype html>${response.locals.lapse ?? ''}`),
  )
  app.get('/sign-out', async (request, response) => {
    await promisify(request.session.destroy.bind(request.session))()
    response.send('ok')
  })
  return listen(createServer(app))
}

async function measure(url: string): Promise<Times> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const measured: Times = { signIn: [], page: [], signOut: [] }
  for (let user = 0; user < usersPerRound; user++) {
    const [signIn, cookie] = await timeRequest(agent, `${url}/sign-in`)
    measured.signIn.push(signIn)
    for (let page = 0; page < pagesPerUser; page++)
      measured.page.push((await timeRequest(agent, `${url}/page`, cookie))[0])
    measured.signOut.push((await timeRequest(agent, `${url}/sign-out`, cookie))[0])
  }
  agent.destroy()
  return measured
}

/** Returns the microseconds until the response is complete, and its cookie. */
function timeRequest(agent: Agent, url: string, cookie = ''): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now()
    const request = sendRequest(url, { agent, headers: { cookie } }, (response) => {
      const [set = ''] = response.headers['set-cookie'] ?? []
      response
        .resume()
        .on('end', () => resolve([(performance.now() - startedAt) * 1000, set.split(';')[0] ?? '']))
    })
    request.on('error', reject).end()
  })
}
