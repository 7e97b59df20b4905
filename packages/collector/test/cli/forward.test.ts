import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { lapsePath } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { webhookSecret } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhookReceiver.ts'

const noon = Date.UTC(2026, 0, 2, 12)

describe('lapse forward', () => {
  let folder: string
  let database: TestDatabase
  let receiver: WebhookReceiver
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase({ name: 'SQLite' }, folder)
    receiver = await startWebhookReceiver()
    writeConfigIn(folder, {
      database: database.url,
      sites: { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } },
      forward: {
        siem: {
          type: 'webhook',
          url: 'env:SIEM_URL',
          secret: 'env:WEBHOOK_SECRET',
          search: '-reason:logout',
        },
        other: { type: 'webhook', url: 'http://127.0.0.1:9/', authorization: 'env:UNSET' },
      },
    })
    expect((await runLapseIn(folder, ['migrate'])).status).toBe(0)
    await insertRows(database.sql, [
      { session: 'a', detected_at: noon },
      { session: 'b', detected_at: noon, reason: 'logout' },
    ])
  })
  afterAll(async () => {
    await receiver.close()
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  const secrets = () => ({ SIEM_URL: `${receiver.url}/secret-path`, WEBHOOK_SECRET: webhookSecret })
  const run = (...args: string[]) => runLapseIn(folder, ['forward', ...args], secrets())

  test('--once sends what a destination has not received, without a running collector', async () => {
    receiver.respondWith((_, response) => response.writeHead(302, { Location: 'http://127.0.0.1:9/' }).end())
    const refused = await run('siem', '--once')
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toBe(
      'lapse: siem: The receiver responded with status 302, a redirect, which is not followed. Correct the URL.\n',
    )
    receiver.received.length = 0
    receiver.respondWith((_, response) => response.writeHead(200).end())
    expect(await run('siem', '--once')).toEqual({ status: 0, stdout: 'siem: 1 row sent.\n', stderr: '' })
    expect(receiver.received.map(({ session }) => session)).toEqual(['a'])
  })

  test('--reset moves a destination to the beginning or the end of the feed', async () => {
    receiver.received.length = 0
    expect(await run('siem', '--reset', 'beginning')).toMatchObject({ status: 0, stderr: '' })
    expect(await run('siem', '--once')).toMatchObject({ stdout: 'siem: 1 row sent.\n' })
    await run('siem', '--reset', 'beginning')
    expect((await run('siem', '--reset', 'latest')).status).toBe(0)
    expect(await run('siem', '--once')).toMatchObject({ stdout: 'siem: 0 rows sent.\n' })
    const ahead = Buffer.from('feed.999').toString('base64url')
    expect((await run('siem', '--reset', ahead)).stderr).toMatch('The feed ends before this position.')
  })

  /** Starts a command that sends rows until a signal stops it. */
  function startForward() {
    const env = { ...process.env, ...secrets() }
    const child = spawn(process.execPath, [lapsePath, 'forward', 'siem'], { cwd: folder, env })
    const exited = once(child, 'exit')
    let log = ''
    child.stdout.on('data', (chunk) => {
      log += chunk
    })
    return {
      readLog: () => log,
      async stop() {
        child.kill('SIGTERM')
        expect(await exited).toEqual([0, null])
      },
    }
  }

  test('Without --once, it sends new rows until a signal stops it, and another process takes over', async () => {
    const insertAndWait = async (name: string) => {
      await insertRows(database.sql, [{ session: name, detected_at: noon }])
      await waitUntil(async () => receiver.received.some(({ session }) => session === name), 'the row')
    }
    const first = startForward()
    await insertAndWait('c')
    const second = startForward()
    await expect
      .poll(second.readLog)
      .toMatch('another process sends rows to this destination: waiting to take over')
    await first.stop()
    await insertAndWait('d')
    await second.stop()
    expect(second.readLog()).toMatch('rows are sent to this destination')
    for (const { readLog } of [first, second]) {
      expect(readLog()).toMatch('"destination":"siem"')
      for (const secret of [webhookSecret, 'secret-path']) expect(readLog()).not.toMatch(secret)
    }
  })

  test.each([
    [['nobody', '--once'], 1, 'no destination "nobody". Its destinations are: siem, other.'],
    [['other', '--once'], 1, 'authorization: the environment variable UNSET is not set'],
    [['--reset', 'latest'], 2, '--reset needs the name of at least one destination'],
    [['siem', '--reset', 'yesterday'], 2, '--reset: must be `beginning`, `latest`, or'],
  ])('A mistake is explained: %j', async (args, status, message) => {
    const { status: actual, stderr } = await run(...args)
    expect({ actual, stderr }).toEqual({ actual: status, stderr: expect.stringContaining(message) })
    for (const secret of [webhookSecret, 'secret-path']) expect(stderr).not.toMatch(secret)
  })
})
