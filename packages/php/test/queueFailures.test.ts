import { rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ListeningServer, listen } from '../../../test/listen.ts'
import { startPhpCollector } from './phpCollector.ts'
import {
  args,
  collector,
  end,
  endPause,
  flush,
  offline,
  queue,
  readBody,
  readPause,
  readSessions,
  setUpQueue,
  use,
} from './queueSetup.ts'
import { type LapseArguments, runLapsePhp } from './runPhp.ts'

setUpQueue()

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

  test('because the collector does not know the site keeps the reports', async () => {
    const token = (await collector.runLapse('token', 'create', '--scope', 'write')).trim()
    const unknown = { ...args, token, site: 'other' }
    const { log } = await runLapsePhp(unknown, use('a1f') + end('b2e'))
    expect(log).toMatch(/does not know the site: .*other.* Reports wait in .*Next attempt after 1 seconds/)
    rmSync(join(queue, '../other/pause.json'))
    expect((await flush(unknown)).output).toBe('2')
  })

  test('because of the rate limit keeps the reports', async () => {
    const limited = await startPhpCollector({}, { rateLimit: { requestsPerMinute: 60 } })
    const limitedArgs = { ...limited.args, queue: join(queue, 'limited') }
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
