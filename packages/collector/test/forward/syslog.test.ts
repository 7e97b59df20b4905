import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type CertificateAuthority, createCertificateAuthority } from '../../../../test/certificates.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { createSender } from '../../src/forward/createSender.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import { formats } from '../../src/reading/formats/formats.ts'
import type { ListedSessionEnd } from '../../src/reading/listedSessionEnd.ts'
import { createConfig, environment } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'
import { parseSyslog, type SyslogReceiver, startSyslogReceiver } from '../support/syslogReceiver.ts'

const noon = Date.UTC(2026, 0, 2, 12)
const { signal } = new AbortController()

describe('Syslog', () => {
  let folder: string
  let authority: CertificateAuthority
  let receiver: SyslogReceiver
  let database: TestDatabase
  let store: Store
  let rows: readonly ListedSessionEnd[]
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    authority = createCertificateAuthority(folder)
    receiver = await startSyslogReceiver(authority)
    database = await createDatabase({ name: 'SQLite' })
    const config = parseConfig(createConfig(database.url), environment)
    store = openStore(config.database, config.table)
    await store.schema.migrate()
    await insertRows(
      database.sql,
      hostileTexts.map((text, index) => ({
        session: text,
        subject: text,
        user_agent: text,
        detected_at: noon + index,
      })),
    )
    rows = (await store.sessionEnds.readPage({}, { limit: 100 })).rows
  })
  beforeEach(() => {
    receiver.received.length = 0
    receiver.onConnection(undefined)
  })
  afterAll(async () => {
    await receiver.close()
    await store.close()
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  const send = (tls: object = { caPath: authority.caPath }, { port } = receiver, host = 'localhost') =>
    createSender({ type: 'syslog', host, port, tls, facility: 'authpriv' }).send(rows, signal)

  test('Each row is a message with an ECS event, whatever texts it contains', async () => {
    expect(await send()).toEqual({ undelivered: [], failure: undefined })
    const messages = receiver.received.flatMap(parseSyslog)
    expect(messages).toHaveLength(hostileTexts.length)
    const events = formats.ecs.write(rows).trimEnd().split('\n')
    messages.forEach((message, index) => {
      expect(message).toMatchObject({
        priority: 10 * 8 + 6,
        timestamp: rows[index]?.detectedAt.toISOString(),
        appName: 'lapse',
        processId: String(process.pid),
        messageId: 'session.ended',
      })
      expect(JSON.parse(message.text)).toEqual(JSON.parse(events[index] ?? ''))
    })
  })

  test('The receiver learns by which name it is called, but not by which address', async () => {
    const { caPath } = authority
    const both = await startSyslogReceiver(authority, {}, 'DNS:localhost,DNS:log.acme.com,IP:127.0.0.1')
    try {
      await send({ caPath }, both)
      await send({ caPath, serverName: 'log.acme.com' }, both)
      await send({ caPath }, both, '127.0.0.1')
      expect(both.serverNames).toEqual(['localhost', 'log.acme.com', false])
      expect(both.received).toHaveLength(3)
    } finally {
      await both.close()
    }
  })

  test.each([
    ['an unknown authority', () => send({}), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    [
      'another name',
      () => send({ caPath: authority.caPath }, receiver, '127.0.0.1'),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    [
      'a name that was not configured',
      () => send({ caPath: authority.caPath, serverName: 'log.acme.com' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['a missing file', () => send({ caPath: join(folder, 'none.pem') }), 'ENOENT'],
  ])('Nothing is sent to a receiver whose certificate cannot be verified: %s', async (_, attempt, code) => {
    const { undelivered, failure } = await attempt()
    expect({ undelivered: undelivered.length, code: failure?.code }).toEqual({
      undelivered: rows.length,
      code,
    })
    expect(receiver.received.join('')).toBe('')
  })

  test('A receiver can require a client certificate', async () => {
    const strict = await startSyslogReceiver(authority, {
      ca: readFileSync(authority.caPath),
      requestCert: true,
      rejectUnauthorized: true,
    })
    try {
      const { caPath } = authority
      expect((await send({ caPath }, strict)).undelivered).toEqual(rows)
      expect((await send({ caPath, ...authority.issue('client', 'DNS:lapse') }, strict)).undelivered).toEqual(
        [],
      )
      expect(strict.received).toHaveLength(1)
    } finally {
      await strict.close()
    }
  })

  test.each<[string, Parameters<SyslogReceiver['onConnection']>[0]]>([
    [
      'closes the connection in order before the end',
      (socket) => void socket.once('data', () => socket.end()),
    ],
    ['closes the connection at once', (socket) => void socket.end()],
    ['is killed', (socket) => void socket.once('data', () => socket.destroy())],
    ['ends without having read them', (socket) => void setTimeout(() => socket.destroy(), 400)],
  ])('The rows are not confirmed if the receiver %s', async (_, handle) => {
    receiver.onConnection(handle)
    const { undelivered, failure } = await send()
    expect({ undelivered, failure: failure?.name }).toEqual({ undelivered: rows, failure: 'DeliveryError' })
    receiver.onConnection(undefined)
    expect((await send()).undelivered).toEqual([])
  })
})

/** What an attacker sends to break out of a message, a frame or a line. */
const hostileTexts = [
  'plain',
  'new\nline <86>1 2026-01-02T12:00:00.000Z forged lapse 1 session.ended - {}',
  '\r\n42 <86>1 - - - - - - forged',
  '\u2028\u2029\u0085\u009b31m\u0000\u0007',
  '] "\\" [meta sequenceId="1"] \ufeff',
  'ä 中 😀',
  'x'.repeat(64 * 1024),
]
