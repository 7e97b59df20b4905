import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { type ConfigInput, parseConfig, startCollector } from '../../src/index.ts'
import { toFeedPosition } from '../../src/reading/feed.ts'
import {
  createCollector,
  createConfig,
  environment,
  type InProcessCollector,
  issueToken,
  webhookSecret,
} from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhookReceiver.ts'

const noon = Date.UTC(2026, 0, 2, 12)
const key = 'a-key-in-the-url'
const sequential = { concurrent: false }

// The collectors mostly wait, so those of all databases run at the same time.
describe.concurrent.each(inject('databaseServers'))('Webhooks of a collector on $name', (server) => {
  let receiver: WebhookReceiver
  let forward: ConfigInput['forward']
  let collector: InProcessCollector
  beforeAll(async () => {
    receiver = await startWebhookReceiver()
    const url = `${receiver.url}/hook?key=${key}`
    forward = { siem: { type: 'webhook', url, secret: 'env:WEBHOOK_SECRET', site: 'acme' } }
    collector = await createCollector(server, { forward })
  })
  beforeEach(() => {
    receiver.received.length = 0
    receiver.respondWith((_, response) => response.writeHead(204).end())
  })
  afterAll(async () => {
    await collector.end()
    await receiver.close()
  })

  const insert = (sessions: readonly string[], columns = {}) =>
    insertRows(
      collector.database.sql,
      sessions.map((session, index) => ({ session, detected_at: noon + index, ...columns })),
    )
  const waitForSessions = (...sessions: readonly string[]) =>
    waitUntil(async () => {
      const arrived = receiver.received.map(({ session }) => session)
      return sessions.every((session) => arrived.includes(session))
    }, `the rows of ${sessions.length} sessions`)
  const readState = () => collector.database.sql('session_audit_forward').first()
  const waitForPosition = async () => {
    const end = await collector.store.feed.readEnd()
    await waitUntil(async () => (await readState()).position === end, 'the last position')
  }

  test('A row arrives as a signed message that contains what the HTTP API returns', sequential, async () => {
    await insert(['signed'])
    await insert(['of another site'], { site: 'signed' })
    await waitForSessions('signed')
    const { token } = await issueToken(collector.store)
    const authorization = { Authorization: `Bearer ${token}` }
    const list = await fetch(`${collector.url}/v1/lapses?session=signed`, { headers: authorization })
    const [row] = (await list.json()).lapses
    expect(receiver.received).toHaveLength(1)
    for (const { id, headers, body } of receiver.received) {
      expect(JSON.parse(body)).toEqual({ type: 'session.ended', timestamp: row.detectedAt, data: row })
      expect(headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': id })
      const timestamp = String(headers['webhook-timestamp'])
      const signature = String(headers['webhook-signature'])
      const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
      expect(new Webhook(webhookSecret).verify(body, signed)).toEqual(JSON.parse(body))
      const secret = Buffer.from(webhookSecret.slice('whsec_'.length), 'base64')
      const digest = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
      expect(signature).toBe(`v1,${digest}`)
    }
  })

  test(
    'The rows of a session arrive in order, those of other sessions at the same time',
    sequential,
    async () => {
      const sessions = Array.from({ length: 40 }, (_, index) => `order ${index}`)
      let requests = 0
      receiver.respondWith(async (_, response) => {
        const status = ++requests === 10 ? 503 : 200
        await sleep(Math.random() * 20)
        response.writeHead(status).end('answered')
      })
      let id = 10_000
      const rows = sessions.flatMap((session) => {
        const columns = { session, session_key: session, detected_at: noon }
        return [
          // The first report did not know the alias.
          { ...columns, session_key: `marker of ${session}`, id: ++id, revision: 1, supersedes: null },
          { ...columns, id: ++id, revision: 2, supersedes: id - 1 },
          { ...columns, id: ++id, revision: 3, supersedes: id - 1 },
        ]
      })
      await insertRows(collector.database.sql, rows)
      await waitForSessions(...sessions)
      await waitForPosition()

      const delivered = receiver.received.filter(
        ({ id }, index) => receiver.received.findIndex((other) => other.id === id) === index,
      )
      for (const session of sessions)
        expect(
          delivered.filter((message) => message.session === session).map(({ revision }) => revision),
        ).toEqual([1, 2, 3])
      expect(receiver.received).toHaveLength(rows.length + 1)
      expect(receiver.maxWaiting).toBeGreaterThan(2)
      expect(receiver.maxWaiting).toBeLessThanOrEqual(8)
    },
  )

  test('A failure is shown to the operator, without the secret and the URL', sequential, async () => {
    receiver.respondWith((_, response) => response.writeHead(410).end('the secret reason'))
    await insert(['refused'])
    await waitUntil(
      async () => (await readState()).failure === 'The receiver responded with status 410.',
      'the failure',
    )
    expect((await readState()).failing_since).not.toBeNull()
    expect(Number(await readMetric(collector.url, 'lapse_forward_failures_total'))).toBeGreaterThan(0)
    const lines = collector.logLines.filter((line) => line.includes('could not be sent'))
    expect(lines.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({
        destination: 'siem',
        err: expect.objectContaining({ message: 'The receiver responded with status 410.' }),
      }),
    )
    const log = collector.logLines.join('\n')
    for (const secret of [key, webhookSecret, 'the secret reason', 'refused']) expect(log).not.toMatch(secret)

    receiver.respondWith((_, response) => response.writeHead(200).end())
    await waitForPosition()
    expect(await readState()).toMatchObject({ failing_since: null, failure: null })
    const ids = receiver.received.map(({ id }) => id)
    expect(ids.length).toBeGreaterThan(1)
    expect(new Set(ids).size).toBe(1)
  })

  test('A reset moves a running destination past a row that is refused', sequential, async () => {
    const { feed, forwards } = collector.store
    const waitForFailure = (failure: string) =>
      waitUntil(async () => String((await readState()).failure).includes(failure), 'the failure')
    receiver.respondWith(({ session }, response) =>
      response.writeHead(session === 'poison' ? 400 : 204).end(),
    )
    await insert(['poison'])
    await waitForFailure('status 400')
    await forwards.reset('siem', await feed.readEnd())
    await insert(['after the reset'])
    await waitForSessions('after the reset')
    await waitForPosition()

    // The running process notices this after the next row.
    await forwards.reset('siem', toFeedPosition(1_000_000))
    await insert(['before the end'])
    await waitForFailure('The feed ends before this position')
    await forwards.reset('siem', await feed.readEnd())
    await insert(['after the end'])
    await waitForSessions('after the end')
    await waitForPosition()
    expect(await readState()).toMatchObject({ failing_since: null, failure: null })
  })

  test('One collector at a time sends, and another one continues where it stopped', sequential, async () => {
    const config = parseConfig(
      createConfig(collector.database.url, { forward, logLevel: 'silent' }),
      environment,
    )
    const others = await Promise.all([startCollector(config), startCollector(config)])
    try {
      await insert(['both'])
      await waitForSessions('both')
      await collector.close()
      await insert(['taken over'])
      await waitForSessions('both', 'taken over')
      await waitForPosition()
      expect(receiver.received).toHaveLength(2)
      // The lag is measured at the start.
      await waitUntil(
        async () => (await readMetric(others[0]?.url, 'lapse_forward_lag_rows')) === '0',
        'the lag',
      )
    } finally {
      await Promise.all(others.map((other) => other.close()))
    }
  })
})

/** Reads a metric of the destination `siem`. */
async function readMetric(url: string | undefined, name: string): Promise<string | undefined> {
  const metrics = await (await fetch(`${url}/metrics`)).text()
  return new RegExp(`^${name}{destination="siem"} (.*)$`, 'm').exec(metrics)?.[1]
}
