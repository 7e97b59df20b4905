import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { createCertificateAuthority } from '../../../test/certificates.ts'
import { type ListeningServer, listen } from '../../../test/listen.ts'
import { findFreePort } from '../../../test/servers.ts'
import { type PhpCollector, startPhpCollector } from './phpCollector.ts'
import { type PhpApplication, PhpVisitor, phpServers, startHangingServer } from './phpServers.ts'
import { type LapseArguments, runLapsePhp, withoutCurl } from './runPhp.ts'

let collector: PhpCollector
beforeAll(async () => {
  collector = await startPhpCollector()
})
afterAll(() => collector.end())

function createQueue({ onTestFinished }: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'queue')
}

const readAudit = () => collector.database.readRows()
/** Longer than a request takes on a busy machine, and shorter than the time limit of the requests to the collector. */
const quickMs = 2500

async function flushUntilEmpty({ expect }: TestContext, args: LapseArguments): Promise<void> {
  await expect
    .poll(async () => (await runLapsePhp(args, 'echo $lapse->flush();')).output, {
      interval: 500,
      timeout: 20_000,
    })
    .toBe('0')
}

// These tests wait for the time limit of requests, so they run at the same time. Each has its own user.
describe.concurrent.each(Object.entries(phpServers))(
  'While the collector hangs, an application on %s',
  (name, start) => {
    let hanging: ListeningServer
    beforeAll(async () => {
      hanging = await startHangingServer()
    })
    afterAll(() => hanging.close())

    async function startApplication(
      { onTestFinished }: TestContext,
      more: LapseArguments = {},
    ): Promise<PhpApplication> {
      const args = { ...collector.args, collector: hanging.url, timeoutSeconds: 4, ...more }
      const application = await start(args)
      onTestFinished(application.end)
      return application
    }

    test('answers at once with a queue, and loses nothing', async (context) => {
      const { expect } = context
      const queue = createQueue(context)
      const visitor = new PhpVisitor(await startApplication(context, { queue }))
      const subject = `u_42 on ${name}`
      for (const path of [`/sign-in?subject=${encodeURIComponent(subject)}`, '/', '/sign-out'])
        expect((await visitor.request(path)).elapsedMs).toBeLessThan(quickMs)
      const args = { ...collector.args, queue }
      const failing = { ...args, collector: hanging.url, timeoutSeconds: 0.5 }
      const { output } = await runLapsePhp(failing, 'echo $lapse->flush();')
      expect(Number(output)).toBeGreaterThan(0)
      await flushUntilEmpty(context, args)
      const rows = await readAudit()
      expect(rows.filter((row) => row.subject === subject)).toMatchObject([{ reason: 'logout' }])
    })

    test('writes into its log what it has dropped without a queue', async (context) => {
      const { expect } = context
      const application = await startApplication(context)
      const visitor = new PhpVisitor(application)
      const { elapsedMs } = await visitor.request('/sign-in?subject=u_42')
      // PHP's own web server ends a response only when the script ends.
      if (name === 'PHP-FPM') expect(elapsedMs).toBeLessThan(quickMs)
      else expect(elapsedMs).toBeLessThan(4000 + quickMs)
      await expect
        .poll(() => application.log())
        .toMatch(/Lapse: Reports dropped: 1\..* Set a queue to keep them/)
    })

    test('does not keep the session locked', async (context) => {
      const { expect } = context
      const visitor = new PhpVisitor(await startApplication(context))
      await visitor.request('/sign-in?subject=u_42')
      const signOut = visitor.request('/sign-out')
      await sleep(300)
      expect((await visitor.request('/')).elapsedMs).toBeLessThan(quickMs)
      await signOut
    })
  },
)

test('On PHP-FPM, the next report after an outage sends what waits', async (context) => {
  const args = { ...collector.args, queue: createQueue(context) }
  await collector.stop()
  await collector.database.sql('session_audit').delete()
  const application = await phpServers['PHP-FPM'](args)
  context.onTestFinished(application.end)
  const visitor = new PhpVisitor(application)
  await visitor.request('/sign-in?subject=u_42')
  await visitor.request('/sign-out')
  await expect.poll(() => application.log()).toMatch(/Reports wait in .*Next attempt after 1 seconds/)
  await collector.start()
  await expect
    .poll(
      async () => {
        await new PhpVisitor(application).request('/sign-in?subject=u_7')
        return readAudit()
      },
      { interval: 1000 },
    )
    .toMatchObject([{ subject: 'u_42', reason: 'logout' }])
})

let certificates: string
let caPath: string
let certificate: { readonly cert: Buffer; readonly key: Buffer }
beforeAll(() => {
  certificates = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const authority = createCertificateAuthority(certificates)
  const { certPath, keyPath } = authority.issue('server', 'IP:127.0.0.1')
  caPath = authority.caPath
  certificate = { cert: readFileSync(certPath), key: readFileSync(keyPath) }
})
afterAll(() => rmSync(certificates, { recursive: true }))

describe.each([
  ['with curl', []],
  ['without curl', withoutCurl],
])('PHP %s', (_, options) => {
  test.each([
    ['answers nothing', () => {}],
    [
      'answers a byte now and then',
      (socket: Socket) => {
        socket.write('HTTP/1.1 200 OK\r\n')
        const timer = setInterval(() => socket.write('x'), 100)
        socket.on('close', () => clearInterval(timer)).on('error', () => {})
      },
    ],
  ])('waits no longer than its time limit for a collector that %s', async (_, handle) => {
    const sockets: Socket[] = []
    const port = await findFreePort()
    const server = createTcpServer((socket) => {
      sockets.push(socket)
      handle(socket)
    }).listen(port, '127.0.0.1')
    const url = `http://127.0.0.1:${port}`
    const script = `$lapse->active('u_42', 'a1f'); $start = microtime(true); $lapse->flush(); echo microtime(true) - $start;`
    const { output, log } = await runLapsePhp(
      { ...collector.args, collector: url, timeoutSeconds: 0.5 },
      script,
      { options },
    )
    expect(Number(output)).toBeGreaterThan(0.4)
    expect(Number(output)).toBeLessThan(1.5)
    expect(log).toMatch(/Reports dropped: 1/)
    for (const socket of sockets) socket.destroy()
    server.close()
  })

  test('sends nothing to a server with a certificate that is not trusted', async () => {
    let requests = 0
    const server = createServer(certificate, (_, response) => {
      requests++
      response.end()
    })
    const { url, close } = await listen(server)
    const args = { ...collector.args, collector: url.replace('http:', 'https:') }
    const { log } = await runLapsePhp(args, `$lapse->active('u_42', 'a1f');`, { options })
    expect(log).toMatch(/Reports dropped: 1\..*certificate/i)
    expect(requests).toBe(0)
    await close()
  })

  test('sends its token to a server with a trusted certificate', async () => {
    const authorizations: unknown[] = []
    const server = createServer(certificate, (request, response) => {
      authorizations.push(request.headers.authorization)
      request.resume().on('end', () => response.end('{"accepted":1,"rejected":[]}'))
    })
    const { url, close } = await listen(server)
    const trust = ['-d', `curl.cainfo=${caPath}`, '-d', `openssl.cafile=${caPath}`]
    const args = { ...collector.args, collector: url.replace('http:', 'https:') }
    const { log } = await runLapsePhp(args, `$lapse->active('u_42', 'a1f');`, {
      options: [...options, ...trust],
    })
    expect(log).toBe('')
    expect(authorizations).toEqual([`Bearer ${collector.args.token}`])
    await close()
  })
})
