// Measures how reading slows down as the audit table grows: sends the same requests to collectors with more and more
// rows, in turns. Run: pnpm build && node bench/reading.ts
import { parseArgs } from 'node:util'
import { formatCursor } from '../packages/collector/src/reading/cursor.ts'
import { startCollector, type TestCollector } from '../test/collector.ts'
import type { DatabaseServer } from '../test/servers.ts'
import { computeMedian } from './median.ts'
import { parseServer } from './parseServer.ts'
import { fillTable } from './reading/fill.ts'

const { values: options } = parseArgs({
  options: {
    database: { type: 'string', multiple: true, default: ['SQLite'] },
    rows: { type: 'string', default: '10000,1000000,10000000' },
    rounds: { type: 'string', default: '21' },
    /** Every n-th row corrects the one before it; 0 for no corrections. */
    'corrected-every': { type: 'string', default: '20' },
    /** The maximum number of rows in an export. */
    'export-rows': { type: 'string', default: '1000000' },
  },
})

interface Audit {
  readonly rows: number
  readonly collector: TestCollector
  readonly token: string
}

const lineFeed = 10
const yearMs = 365 * 86_400_000
const year = 'from=2025-01-01T00:00:00Z&to=2026-01-01T00:00:00Z'
const oddYear = 'from=2025-01-01T04:17:31Z&to=2025-12-31T19:03:12Z'
const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
const sites = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`site${index}`, site]))

/** The measured requests. `at` is a random position in the list. */
const requests: Readonly<Record<string, (at: string) => string>> = {
  'first page': () => '/v1/lapses',
  'first page, site': () => '/v1/lapses?site=site7',
  'first page, site and reason': () => '/v1/lapses?site=site7&reason=logout',
  'first page, rare reason': () => '/v1/lapses?reason=revoked&evidence=signed',
  'first page, evidence that no row has': () => '/v1/lapses?evidence=server',
  'first page, subject': () => '/v1/lapses?subject=u_4217',
  'first page, all revisions': () => '/v1/lapses?revisions=all',
  'first page, site, all revisions': () => '/v1/lapses?site=site7&revisions=all',
  'deep page': (at) => `/v1/lapses?cursor=${at}`,
  'deep page, all revisions': (at) => `/v1/lapses?revisions=all&cursor=${at}`,
  'deep page, site': (at) => `/v1/lapses?site=site7&cursor=${at}`,
  'deep page, site and reason': (at) => `/v1/lapses?site=site7&reason=logout&cursor=${at}`,
  'summary of the year': () => `/v1/summary?${year}`,
  'summary of the year, signed': () => `/v1/summary?${year}&evidence=signed`,
  'summary of the year, site': () => `/v1/summary?${year}&site=site7&timeZone=America/New_York`,
  'summary of a year, starting and ending within an hour': () =>
    `/v1/summary?${oddYear}&timeZone=Asia/Kolkata`,
}

async function build(server: DatabaseServer, rows: number): Promise<Audit> {
  const collector = await startCollector(server, { sites })
  const startedAt = performance.now()
  // Its jobs would wait for indexes that do not exist while the table is filled.
  await collector.stop()
  await fillTable(collector.database.sql, rows, Number(options['corrected-every']))
  await collector.start()
  const filledAt = performance.now()
  await collector.runLapse('rollup')
  const formatSeconds = (ms: number) => (ms / 1000).toFixed(1)
  console.log(
    `${server.name}: ${rows} rows inserted in ${formatSeconds(filledAt - startedAt)} s, rolled up in ${formatSeconds(performance.now() - filledAt)} s`,
  )
  const token = (await collector.runLapse('token', 'create', '--scope', 'read')).trim()
  const audit = { rows, collector, token }
  const { lapses } = await (await request(audit, '/v1/lapses?site=site7&reason=logout&subject=u_469')).json()
  if (lapses.length === 0) throw new Error('The generated rows do not match the requests.')
  return audit
}

async function request({ collector, token }: Audit, path: string, headers = {}): Promise<Response> {
  const response = await fetch(collector.url + path, {
    headers: { Authorization: `Bearer ${token}`, ...headers },
  })
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`)
  return response
}

/** Measures the time until the end of the response, in milliseconds. */
async function measureMs(audit: Audit, path: string): Promise<number> {
  const startedAt = performance.now()
  await (await request(audit, path)).arrayBuffer()
  return performance.now() - startedAt
}

/** Measures an export as CSV, and the collector's memory every half second. */
async function measureExport(audit: Audit, rows: number): Promise<Record<string, number>> {
  // During an export, this process is busy for longer than the collector keeps an idle connection.
  const once = { Connection: 'close' }
  let peak = 0
  async function measureMemory(): Promise<void> {
    const metrics = await (await request(audit, '/metrics', once)).text()
    peak = Math.max(peak, Number(/^process_resident_memory_bytes (\S+)/m.exec(metrics)?.[1]))
  }
  await measureMemory()
  const timer = setInterval(() => void measureMemory(), 500)
  const startedAt = performance.now()
  const from = createCursor(audit, rows / audit.rows)
  const response = await request(audit, `/v1/lapses?format=csv&cursor=${from}`, once)
  let lines = 0
  for await (const chunk of response.body ?? []) for (const byte of chunk) if (byte === lineFeed) lines += 1
  const seconds = (performance.now() - startedAt) / 1000
  clearInterval(timer)
  return { rows: lines, 'rows/s': Math.round(lines / seconds), 'peak MiB': Math.round(peak / 1024 / 1024) }
}

/** @param share the share of the list, newest row first, that follows the position. */
function createCursor({ rows }: Audit, share: number): string {
  const detectedAt = new Date(Date.UTC(2025, 0, 1) + Math.min(share, 1) * yearMs)
  return formatCursor({
    sort: '-detectedAt',
    position: [detectedAt.getTime(), Math.ceil(share * rows)],
    upToId: rows,
  })
}

async function compare(name: string, audits: readonly Audit[]): Promise<void> {
  const table: Record<string, Record<string, string>> = {}
  for (const [title, pathAt] of Object.entries(requests)) {
    const times = audits.map(() => [] as number[])
    // The first round is a warm-up.
    for (let round = 0; round <= Number(options.rounds); round++) {
      const share = Math.random()
      for (const [index, audit] of audits.entries()) {
        const ms = await measureMs(audit, pathAt(createCursor(audit, share)))
        if (round > 0) times[index]?.push(ms)
      }
    }
    const computeRatio = (index: number) =>
      computeMedian((times[index] ?? []).map((ms, round) => ms / (times[0]?.[round] ?? Number.NaN)))
    table[title] = Object.fromEntries(
      audits.flatMap(({ rows }, index) => [
        [`${rows} rows, ms`, computeMedian(times[index] ?? []).toFixed(1)],
        ...(index > 0 ? [[`${rows} to ${audits[0]?.rows}`, computeRatio(index).toFixed(2)]] : []),
      ]),
    )
  }
  console.log(`\n${name}`)
  console.table(table)
}

for (const text of options.database) {
  const server = parseServer(text)
  const { name } = server
  const audits: Audit[] = []
  try {
    for (const rows of options.rows.split(',').map(Number)) audits.push(await build(server, rows))
    await compare(name, audits)
    const exports: Record<string, object> = {}
    for (const audit of audits)
      exports[`of ${audit.rows} rows`] = await measureExport(audit, Number(options['export-rows']))
    console.log(`\n${name}, export as CSV`)
    console.table(exports)
  } finally {
    for (const { collector } of audits) await collector.end()
  }
}
