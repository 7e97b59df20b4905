import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  onTestFinished,
  type TestContext,
  test,
} from 'vitest'
import { listen } from '../../../test/listen.ts'
import { type PhpCollector, startPhpCollector } from './phpCollector.ts'
import { type PhpApplication, PhpVisitor, phpServers } from './phpServers.ts'
import { runLapsePhp, runPhp, withoutCurl } from './runPhp.ts'

const transports = { 'with curl': [], 'without curl': withoutCurl }

let collector: PhpCollector
/** Its site has a short idle timeout. */
let liveCollector: PhpCollector
beforeAll(async () => {
  const sweep = { everySeconds: 1 }
  const started = [startPhpCollector(), startPhpCollector({ idleTimeoutSeconds: 4 }, { sweep })] as const
  ;[collector, liveCollector] = await Promise.all(started)
})
afterEach(async () => {
  await collector.database.sql('session_audit').delete()
  await collector.database.sql('session_live').delete()
})
afterAll(() => Promise.all([collector.end(), liveCollector.end()]))

const readLive = () => collector.database.sql('session_live')

describe.each(Object.entries(transports))('PHP %s', (_, options) => {
  test('reports activity and ends at the end of the script', async () => {
    const script = `
$start = Lapse::now() - 600000;
$lapse->active(subject: 42, session: 'a1f', startedAt: $start, lastAccessAt: $start + 1000);
$lapse->active('u_7', 'b2e', $start);
$lapse->ended(session: 'b2e', subject: 'u_7', reason: 'revoked');
`
    const before = Date.now()
    expect(await runLapsePhp(collector.args, script, { options })).toEqual({ status: 0, output: '', log: '' })
    expect(await readLive()).toMatchObject([
      {
        session: 'a1f',
        subject: '42',
        evidence: 'server',
        heartbeat_seconds: 300,
        client_version: 'php-0.1.0',
      },
    ])
    const [row] = await collector.database.readRows()
    expect(row).toMatchObject({
      session: 'b2e',
      subject: 'u_7',
      reason: 'revoked',
      evidence: 'server',
      detected_by: 'server',
    })
    // The last access is what active() was told.
    expect(Date.parse(String(row?.last_access_at))).toBeGreaterThanOrEqual(before)
  })

  test('lets the collector decide by the times', async () => {
    const script = `$now = Lapse::now();
$lapse->ended('a1f', 'u_42', startedAt: $now - 7200000, lastAccessAt: $now - 3600000, detectedAt: $now - 1000);
$lapse->ended('b2e', 'u_42', startedAt: $now - 7200000, lastAccessAt: $now - 60000);`
    await runLapsePhp(collector.args, script, { options })
    expect(await collector.database.readRows()).toMatchObject([
      { session: 'a1f', reason: 'idle_timeout', elapsed_ms: 3_599_000 },
      { session: 'b2e', reason: 'ended_early' },
    ])
  })

  test('logs a report that the collector rejects, and sends the others', async () => {
    const script = `
$lapse->active('u_42', 'a1f');
$lapse->active('u_42', 'rejected', startedAt: Lapse::now() + 3600000);
$lapse->active('u_42', 'b2e');`
    const { log, status } = await runLapsePhp(collector.args, script, { options })
    expect(status).toBe(0)
    expect(log).toMatch(/report of the session "rejected" was dropped.* rejected it: .*startedAt.*later than/)
    expect((await readLive()).map(({ session }) => session).sort()).toEqual(['a1f', 'b2e'])
  })

  test('sends more reports than a request may have', async () => {
    const script = `$id = str_repeat('😀', 200);
for ($i = 0; $i < 600; $i++) $lapse->active($id, "s$i");`
    const { log } = await runLapsePhp(collector.args, script, { options })
    expect(log).toBe('')
    expect(await readLive()).toHaveLength(600)
  })

  test('tells the log about a wrong token, and throws nothing', async () => {
    const script = `$lapse->active('u_42', 'a1f'); echo 'done';`
    const args = { ...collector.args, token: 'lapse_wrong' }
    const { status, output, log } = await runLapsePhp(args, script, { options })
    expect({ status, output }).toEqual({ status: 0, output: 'done' })
    expect(log).toMatch(/Lapse: Reports dropped: 1\. The collector answered with 401: .*token-refused/)
    expect(log).not.toContain('lapse_wrong')
  })
})

test('In a process that serves several requests, flush() sends the reports at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const signal = join(folder, 'signal')
  const script = `$lapse->active('u_42', 'a1f', lastAccessAt: Lapse::now() - 60000); $lapse->flush();
for ($i = 0; $i < 600 && !file_exists('${signal}'); $i++) { usleep(20000); clearstatcache(); }
$lapse->ended('b2e', reason: 'logout'); $lapse->flush(); posix_kill(getmypid(), SIGKILL);`
  const run = runLapsePhp(collector.args, script)
  await expect.poll(readLive, { timeout: 10_000 }).toHaveLength(1)
  expect(await collector.database.readRows()).toEqual([])
  writeFileSync(signal, '')
  await run
  expect(await collector.database.readRows()).toHaveLength(1)
})

test('A process that never flushes drops its oldest reports, and says so', async () => {
  const script = `for ($i = 0; $i < 1001; $i++) $lapse->active('u_42', "s$i");`
  const { log } = await runLapsePhp(collector.args, script)
  expect(log).toMatch(/oldest report of this process was dropped\. Call flush\(\)/)
  const live = await readLive()
  expect(live).toHaveLength(1000)
  expect(live.map(({ session }) => session)).not.toContain('s0')
})

test('The error handler of the application is not called', async () => {
  const script = `set_error_handler(function ($severity, $message) { echo "called: $message"; throw new Exception(); });
$lapse->active('u_42', 'a1f');`
  const args = { ...collector.args, queue: '/proc/lapse', collector: 'http://127.0.0.1:1' }
  for (const options of [[], withoutCurl]) {
    const { status, output, log } = await runLapsePhp(args, script, { options })
    expect({ status, output }).toEqual({ status: 0, output: '' })
    expect(log).toMatch(/could not be written to the queue/)
  }
})

test('The application decides when a report is due', async () => {
  const script = `
$lapse = new Lapse(...json_decode('${JSON.stringify(collector.args)}', true), isReportDue: function ($session, $seconds) {
  echo "$session $seconds;";
  if ($session === 'failing') throw new Exception('no cache');
  return $session === 'due';
});
foreach (['due', 'not-due', 'failing'] as $session) $lapse->active('u_42', $session);`
  // The script creates its own instance, because a function is no JSON.
  const { output, log } = await runLapsePhp(collector.args, script)
  expect(output).toBe('due 300;not-due 300;failing 300;')
  expect(log).toMatch(/isReportDue failed: no cache/)
  expect((await readLive()).map(({ session }) => session).sort()).toEqual(['due', 'failing'])
})

/** Starts a server that accepts each report, and lists the paths of the requests. */
async function startRecorder({ onTestFinished }: TestContext) {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    request.resume().on('end', () => response.end('{"accepted":1,"rejected":[]}'))
  })
  const recorder = await listen(server)
  onTestFinished(recorder.close)
  return { requests, args: { ...collector.args, collector: recorder.url } }
}

describe('On the command line, activity is reported', () => {
  test.for([
    `'text'`,
    '5',
    '[]',
    `['session' => 'a1f']`,
    `['session' => 'a1f', 'at' => 'x']`,
    'new stdClass',
  ])('although the session has %s where the last report should be', async (value, context) => {
    const { requests, args } = await startRecorder(context)
    const script = `session_id('a1f'); $_SESSION = []; session_start(['use_cookies' => false, 'cache_limiter' => '']);
$_SESSION['lapse.acme'] = ${value}; $lapse->active('u_42', 'a1f'); $lapse->active('u_42', 'a1f'); session_destroy();`
    const { status, log } = await runLapsePhp(args, script)
    expect({ status, log }).toEqual({ status: 0, log: '' })
    expect(requests).toEqual(['/v1/activity'])
  })

  test('each time where neither a PHP session nor APCu remembers the last report', async (context) => {
    const { requests, args } = await startRecorder(context)
    const script = `for ($i = 0; $i < 3; $i++) { $lapse->active('u_42', 'a1f'); $lapse->flush(); }`
    await runLapsePhp(args, script, { options: ['-d', 'apc.enabled=0'] })
    expect(requests).toHaveLength(3)
  })

  test('once per heartbeat and session where APCu remembers it', async (context) => {
    const apcu = { options: ['-d', 'apc.enable_cli=1'] }
    const { output } = await runPhp(`<?php echo function_exists('apcu_enabled') && apcu_enabled();`, apcu)
    context.skip(output !== '1', 'APCu is not installed')
    const { requests, args } = await startRecorder(context)
    const script = `for ($i = 0; $i < 3; $i++)
  foreach (['a1f', 'b2e'] as $session) { $lapse->active('u_42', $session); $lapse->flush(); }`
    await runLapsePhp(args, script, apcu)
    expect(requests).toHaveLength(2)
  })
})

// These tests wait for timeouts, so they run at the same time. Each has its own user.
describe.concurrent.each(Object.entries(phpServers))('An application on %s', (name, start) => {
  let application: PhpApplication
  beforeAll(async () => {
    application = await start({ ...liveCollector.args, heartbeatSeconds: 1 })
  })
  afterAll(() => application.end())

  const readRows = async (subject: string) => {
    const rows = await liveCollector.database.readRows()
    return rows.filter((row) => row.subject === subject)
  }

  test('reports activity once per heartbeat and session', async (context) => {
    const { expect } = context
    const { requests, args } = await startRecorder(context)
    const recorded = await start({ ...args, heartbeatSeconds: 5 })
    context.onTestFinished(recorded.end)
    const visitor = new PhpVisitor(recorded)
    await visitor.request('/sign-in?subject=u_42')
    for (let count = 0; count < 5; count++) await visitor.request('/')
    await expect.poll(() => requests).toEqual(['/v1/activity'])
    await new PhpVisitor(recorded).request('/sign-in?subject=u_7')
    await expect.poll(() => requests).toHaveLength(2)
    await sleep(5000)
    for (let count = 0; count < 5; count++) await visitor.request('/')
    await expect.poll(() => requests).toHaveLength(3)
    // A new session of the same browser is another session.
    await visitor.request('/sign-in?subject=u_42')
    await expect.poll(() => requests).toHaveLength(4)
  })

  test('has one row for a user who never comes back', async ({ expect }) => {
    const visitor = new PhpVisitor(application)
    const subject = `idle on ${name}`
    await visitor.request(`/sign-in?subject=${encodeURIComponent(subject)}`)
    const readLiveSessions = () => liveCollector.database.sql('session_live').where({ subject })
    await expect.poll(readLiveSessions).toMatchObject([{ evidence: 'server' }])
    await expect.poll(() => readRows(subject)).toHaveLength(1)
    await sleep(2500)
    expect(await readRows(subject)).toMatchObject([
      { reason: 'idle_timeout', detected_by: 'sweep', evidence: 'server', revision: 1 },
    ])
    expect(application.log()).not.toMatch(/Lapse:/)
  })

  test('has no timeout for a user who works, and a logout for one who signs out', async ({ expect }) => {
    const visitor = new PhpVisitor(application)
    const subject = `working on ${name}`
    const { page } = await visitor.request(`/sign-in?subject=${encodeURIComponent(subject)}`)
    const alias = /data-session="(\w+)"/.exec(page)?.[1]
    for (let second = 0; second < 7; second++) {
      await sleep(1000)
      expect((await visitor.request('/')).page).toContain(`data-session="${alias}"`)
    }
    expect(await readRows(subject)).toEqual([])
    expect((await visitor.request('/sign-out')).page).toContain('data-state="absent"')
    await expect
      .poll(() => readRows(subject))
      .toMatchObject([{ session: alias, reason: 'logout', evidence: 'server' }])
    await sleep(2500)
    expect(await readRows(subject)).toHaveLength(1)
  })
})
