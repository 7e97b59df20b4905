import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type ListeningServer, listen } from '../../../test/listen.ts'
import { type PhpCollector, startPhpCollector } from './phpCollector.ts'
import { type LapseArguments, runLapsePhp } from './runPhp.ts'

let collector: PhpCollector
beforeAll(async () => {
  collector = await startPhpCollector()
})
afterAll(() => collector.end())

let folder: string
/** The folder that Lapse creates for the site. */
let queue: string
let args: LapseArguments
/** The same, with a collector that is not reachable. */
let offline: LapseArguments
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  queue = join(folder, 'queue', 'acme')
  args = { ...collector.args, queue: join(folder, 'queue') }
  offline = { ...args, collector: 'http://127.0.0.1:1' }
})
afterEach(async () => {
  rmSync(folder, { recursive: true })
  await collector.database.sql('session_audit').delete()
  await collector.database.sql('session_live').delete()
})

const readSessions = async () =>
  (await collector.database.sql('session_live')).map(({ session }): string => session).sort()
const end = (session: string) => `$lapse->ended('${session}', 'u_42', reason: 'revoked');`
const use = (session: string) => `$lapse->active('u_42', '${session}');`

const flush = (flushed = args) => runLapsePhp(flushed, 'echo $lapse->flush();')
/** Lets the next attempt happen now. */
const endPause = () => rmSync(join(queue, 'pause.json'), { force: true })
const readPause = () => JSON.parse(readFileSync(join(queue, 'pause.json'), 'utf8'))
const listFiles = () => readdirSync(queue).filter((name) => name.endsWith('.ndjson'))

describe('A report in the queue', () => {
  test('is delivered when the collector is back, with its own times', async () => {
    const ended = Date.now() - 120_000
    const script = `$lapse->ended('a1f', 'u_42', reason: 'logout', lastAccessAt: ${ended - 1000}, detectedAt: ${ended});`
    const { log } = await runLapsePhp(offline, script)
    expect(log).toMatch(/Lapse: http:\/\/127\.0\.0\.1:1: .*Reports wait in .*Next attempt after 1 seconds/)
    endPause()
    expect(await flush()).toEqual({ status: 0, output: '0', log: '' })
    const [row] = await collector.database.readRows()
    expect(row).toMatchObject({ session: 'a1f', reason: 'logout', elapsed_ms: 1000 })
    expect(Math.abs(Date.parse(String(row?.detected_at)) - ended)).toBeLessThan(10_000)
    expect(listFiles()).toEqual([])
  })

  test('is readable by its user only', async () => {
    await runLapsePhp(offline, use('a1f'))
    expect(statSync(queue).mode & 0o777).toBe(0o700)
    const modes = readdirSync(queue).map((name) => statSync(join(queue, name)).mode & 0o777)
    expect(new Set(modes)).toEqual(new Set([0o600]))
    for (const name of readdirSync(queue))
      expect(readFileSync(join(queue, name), 'utf8')).not.toContain(collector.args.token)
  })

  test('is sent before it is too late if the queue cannot be written', async () => {
    mkdirSync(join(folder, 'queue'))
    writeFileSync(queue, 'a file where the folder should be')
    const { status, log } = await runLapsePhp(args, use('a1f'))
    expect(status).toBe(0)
    expect(log).toMatch(/could not be written to the queue\. Check its folder, and run flush\(\) as the user/)
    expect(await readSessions()).toEqual(['a1f'])
  })

  test('is dropped and logged if the collector rejects it, and does not block the others', async () => {
    const rejected = `$lapse->active('u_42', 'rejected', startedAt: Lapse::now() + 3600000);`
    await runLapsePhp(offline, use('a1f') + rejected + end('b2e'))
    endPause()
    const { output, log } = await flush()
    expect(output).toBe('0')
    expect(log).toMatch(/report of the session "rejected" was dropped/)
    expect(await readSessions()).toEqual(['a1f'])
    expect(await collector.database.readRows()).toMatchObject([{ session: 'b2e' }])
  })

  test('waits while another site uses the same folder', async () => {
    await runLapsePhp({ ...offline, site: 'other' }, use('a1f'))
    await runLapsePhp(args, use('b2e'))
    expect(await readSessions()).toEqual(['b2e'])
    expect(readdirSync(join(folder, 'queue')).sort()).toEqual(['acme', 'other'])
  })
})

interface Answer {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

describe('A failure', () => {
  let proxy: ListeningServer
  let requests: string[]
  let answers: Answer[]
  let proxied: LapseArguments
  beforeEach(async () => {
    requests = []
    answers = []
    // Answers with what a test has listed, then passes requests on to the collector.
    const server = createServer(async (request, response) => {
      const body = await readBody(request)
      requests.push(body)
      const answer = answers.shift() ?? (await passOn(request, body))
      response.writeHead(answer.status, answer.headers).end(answer.body)
    })
    proxy = await listen(server)
    proxied = { ...args, collector: proxy.url }
  })
  afterEach(() => proxy.close())

  async function passOn(request: IncomingMessage, body: string): Promise<Answer> {
    const { authorization = '' } = request.headers
    const headers = { Authorization: authorization, 'Content-Type': 'application/json' }
    const response = await fetch(collector.url + request.url, { method: 'POST', headers, body })
    return { status: response.status, body: await response.text() }
  }

  test.each([401, 403, 404, 500, 502, 302])('with the status %i keeps the report', async (status) => {
    answers = [{ status, body: 'an answer\nwith a second line' }]
    const { log } = await runLapsePhp(proxied, end('a1f'))
    expect(log.trim().split('\n')).toHaveLength(1)
    expect(log).toMatch(new RegExp(`answered with ${status}: an answer with a second line`))
    endPause()
    expect((await flush(proxied)).output).toBe('0')
    expect(await collector.database.readRows()).toHaveLength(1)
  })

  test('that is a page with the status 200 keeps the report', async () => {
    answers = [{ status: 200, body: '<h1>Maintenance</h1>' }]
    await runLapsePhp(proxied, use('a1f'))
    endPause()
    await flush(proxied)
    expect(await readSessions()).toEqual(['a1f'])
  })

  test.each([
    ['a number of seconds', 120, () => '120'],
    ['a date', 120, () => new Date(Date.now() + 120_000).toUTCString()],
    ['too long a time', 3600, () => '1000000'],
  ])('is not repeated before Retry-After, which is %s', async (_, seconds, format) => {
    answers = [{ status: 503, headers: { 'Retry-After': format() } }]
    await runLapsePhp(proxied, use('a1f'))
    expect(Math.abs(readPause().until - Date.now() - seconds * 1000)).toBeLessThan(5000)
    expect((await flush(proxied)).output).toBe('1')
    await runLapsePhp(proxied, use('b2e'))
    expect(requests).toHaveLength(1)
    endPause()
    expect((await flush(proxied)).output).toBe('0')
    expect(await readSessions()).toEqual(['a1f', 'b2e'])
  })

  test('is repeated after longer and longer pauses, which end with a success', async () => {
    const pauses: number[] = []
    await runLapsePhp(offline, use('a1f'))
    for (let attempt = 0; attempt < 4; attempt++) {
      const { until, failures } = readPause()
      pauses.push(Math.round((until - statSync(join(queue, 'pause.json')).mtimeMs) / 1000))
      writeFileSync(join(queue, 'pause.json'), JSON.stringify({ until: 0, failures }))
      await flush(offline)
    }
    expect(pauses).toEqual([1, 2, 4, 8])
    writeFileSync(join(queue, 'pause.json'), JSON.stringify({ until: 0, failures: 29 }))
    await flush(offline)
    expect(Math.round((readPause().until - Date.now()) / 10_000)).toBe(30)
    writeFileSync(join(queue, 'pause.json'), JSON.stringify({ until: 0, failures: 29 }))
    expect((await flush()).output).toBe('0')
    expect(readPause()).toEqual({ until: 0, failures: 0 })
  })

  test('of a request that is too large sends smaller ones', async () => {
    answers = [{ status: 413, body: 'nginx: too large' }]
    await runLapsePhp(proxied, `for ($i = 0; $i < 5; $i++) $lapse->active('u_42', "s$i");`)
    expect(requests.map((body) => JSON.parse(body).length)).toEqual([5, 3, 2])
    expect(await readSessions()).toEqual(['s0', 's1', 's2', 's3', 's4'])
  })

  test('of a single report that is refused for good drops this report only', async () => {
    const refused = { status: 400, body: 'no' }
    answers = [refused, refused]
    const { log } = await runLapsePhp(proxied, use('a1f') + use('b2e'))
    expect(log).toMatch(/report of the session "a1f" was dropped\. The collector answered with 400: no/)
    expect(await readSessions()).toEqual(['b2e'])
  })

  test('because of the rate limit keeps the reports', async () => {
    const limited = await startPhpCollector({}, { rateLimit: { requestsPerMinute: 60 } })
    const limitedArgs = { ...limited.args, queue: join(folder, 'limited') }
    // Each activity report is due, and each script sends one request.
    const script = `for ($i = 0; $i < 80; $i++) { $lapse->active('u_42', "s$i"); $lapse->flush(); } echo $lapse->flush();`
    const { output, log } = await runLapsePhp(limitedArgs, script)
    expect(Number(output)).toBeGreaterThan(0)
    expect(log).toMatch(/answered with 429: .*too-many-requests.*Next attempt after \d+ seconds/)
    const stored = await limited.database.sql('session_live')
    expect(stored.length + Number(output)).toBe(80)
    await limited.end()
  })
})

describe('Several processes', () => {
  test('that write and send at the same time lose nothing and send nothing twice', async () => {
    const received: string[] = []
    const server = createServer(async (request, response) => {
      const reports: { session: string }[] = JSON.parse(await readBody(request))
      received.push(...reports.map(({ session }) => session))
      setTimeout(() => response.end(JSON.stringify({ accepted: reports.length, rejected: [] })), 20)
    })
    const { url, close } = await listen(server)
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const script = (name: string) =>
      `for ($i = 0; $i < 50; $i++) { $lapse->active('u_42', "${name}$i"); $lapse->flush(); usleep(1000); }`
    const runs = await Promise.all(
      names.map((name) => runLapsePhp({ ...args, collector: url }, script(name))),
    )
    expect(runs.map(({ log }) => log)).toEqual(names.map(() => ''))
    expect((await flush({ ...args, collector: url })).output).toBe('0')
    const expected = names.flatMap((name) => Array.from({ length: 50 }, (_, index) => `${name}${index}`))
    expect(received.sort()).toEqual(expected.sort())
    await close()
  })

  test('send one at a time, and the others do not wait', async () => {
    let concurrent = 0
    let most = 0
    const server = createServer((request, response) => {
      request.resume()
      concurrent++
      most = Math.max(most, concurrent)
      setTimeout(() => {
        concurrent--
        response.end('{"accepted":1,"rejected":[]}')
      }, 1000)
    })
    const { url, close } = await listen(server)
    await runLapsePhp(offline, use('a1f'))
    endPause()
    const script = '$start = microtime(true); $lapse->flush(); echo microtime(true) - $start;'
    const runs = await Promise.all([1, 2, 3].map(() => runLapsePhp({ ...args, collector: url }, script)))
    const [shortest = 1, , longest = 0] = runs.map(({ output }) => Number(output)).sort()
    expect(most).toBe(1)
    expect(shortest).toBeLessThan(0.5)
    expect(longest).toBeGreaterThan(0.9)
    await close()
  })

  test('are not stopped by one that was killed while it was sending', async () => {
    const server = createServer(() => {})
    const { url, close } = await listen(server)
    const hanging = runLapsePhp({ ...args, collector: url, timeoutSeconds: 30 }, use('a1f'))
    await expect.poll(() => findSender(queue)).not.toBe('')
    process.kill(Number(findSender(queue)), 'SIGKILL')
    await hanging
    expect((await flush()).output).toBe('0')
    expect(await readSessions()).toEqual(['a1f'])
    await close()
  })
})

describe('The queue', () => {
  test('drops the oldest reports when it is full, and says how many', async () => {
    const small = { ...offline, maxQueueBytes: 65_536 }
    const script = `for ($i = 0; $i < 900; $i++) { $lapse->active('u_42', sprintf('s%04d', $i)); if ($i % 10 === 9) $lapse->flush(); }`
    const { log } = await runLapsePhp(small, script)
    const counts = [...log.matchAll(/is full\. Oldest reports dropped: (\d+)/g)].map(([, count]) =>
      Number(count),
    )
    const dropped = counts.reduce((sum, count) => sum + count, 0)
    expect(dropped).toBeGreaterThan(100)
    const bytes = listFiles().reduce((sum, name) => sum + statSync(join(queue, name)).size, 0)
    expect(bytes).toBeLessThan(65_536 + 2 * 8192)
    endPause()
    expect((await flush()).output).toBe('0')
    const sessions = await readSessions()
    expect(sessions.length + dropped).toBe(900)
    expect(sessions[0]).toBe(`s${String(dropped).padStart(4, '0')}`)
    expect(sessions.at(-1)).toBe('s0899')
  })

  test('with damaged files delivers everything else', async () => {
    await runLapsePhp(offline, use('a1f'))
    endPause()
    const [file = ''] = listFiles()
    const valid = readFileSync(join(queue, file), 'utf8')
    const damaged = [`{"kind":"activity","rep`, '\0\0\0', '[]', '42', '{"kind":"x","report":{}}', '\xff{}']
    writeFileSync(join(queue, file), [...damaged, valid, '', 'null'].join('\n'))
    writeFileSync(join(queue, '0000000000000001-0abc.ndjson'), '')
    writeFileSync(join(queue, 'open.ndjson'), valid.replaceAll('a1f', 'b2e').slice(0, -40))
    writeFileSync(join(queue, 'pause.json'), '{"until":')
    const { output, log } = await runLapsePhp(args, `${use('c3d')} echo $lapse->flush();`)
    expect(output).toBe('0')
    expect(log).toMatch(/Damaged lines dropped from the queue file .*: 7/)
    expect(log).toMatch(/Damaged lines dropped from the queue file .*: 1/)
    expect(await readSessions()).toEqual(['a1f', 'c3d'])
  })

  test('that its user cannot read does not stop the application', async () => {
    await runLapsePhp(offline, use('a1f'))
    for (const name of readdirSync(queue)) chmodSync(join(queue, name), 0)
    chmodSync(queue, 0)
    chmodSync(folder, 0o711)
    const script = `posix_setuid(65534); ${use('b2e')} echo 'done';`
    const { status, output, log } = await runLapsePhp(args, script)
    expect({ status, output }).toEqual({ status: 0, output: 'done' })
    expect(log).toMatch(/could not be written to the queue/)
    expect(await readSessions()).toEqual(['b2e'])
    chmodSync(queue, 0o700)
  })

  test('on a full disk sends the new report at once, and keeps what it has', async () => {
    await runLapsePhp(offline, use('a1f'))
    writeFileSync(join(queue, 'open.ndjson'), readFileSync(join(queue, listFiles()[0] ?? '')))
    endPause()
    // No file may grow beyond this size, which is that of the reports that wait.
    const limit = statSync(join(queue, 'open.ndjson')).size + 10
    const script = `posix_setrlimit(POSIX_RLIMIT_FSIZE, ${limit}, ${limit}); pcntl_signal(SIGXFSZ, SIG_IGN);
${use('b2e')} echo 'done';`
    const { status, output, log } = await runLapsePhp(args, script)
    expect({ status, output }).toEqual({ status: 0, output: 'done' })
    expect(log).toMatch(/could not be written to the queue.*disk is full/)
    expect(await readSessions()).toEqual(['a1f', 'b2e'])
    expect((await flush()).output).toBe('0')
  })
})

/** Finds the process that has the queue's lock for sending. */
function findSender(folder: string): string {
  const lock = statSync(join(folder, 'sender.lock'), { throwIfNoEntry: false })
  if (!lock) return ''
  const locks = readFileSync('/proc/locks', 'utf8').split('\n')
  return locks.find((line) => line.includes(`:${lock.ino} `))?.split(/\s+/)[4] ?? ''
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
