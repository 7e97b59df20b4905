import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../../test/databases.ts'
import { openStore, parseConfig } from '../../src/index.ts'
import { createCollector, createReport, issueToken, origin } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

/** Clears the screen (with C0 and with C1), rings the bell, moves back, and reverses the text direction. */
const hostile = 'a\u001b[2Jb\u009b2Jc\u0007\u0008\rd\u202ee\u007f'
const unsafe = /[\p{Cc}\p{Bidi_Control}]/u
const removeLineBreaks = (text: string) => text.replaceAll(/\r?\n/g, '')

describe('Output for a terminal', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('Control characters in stored text are escaped by lapse list in every format, and by lapse token list', async () => {
    const database = await createDatabase({ name: 'SQLite' })
    onTestFinished(database.drop)
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    writeConfigIn(folder, { database: database.url, sites })
    const { database: location, table } = parseConfig({ database: database.url, sites }, {})
    const store = openStore(location, table)
    await store.schema.migrate()
    await issueToken(store, { name: hostile })
    await store.close()
    await insertRows(database.sql, [
      { session: hostile, detected_at: Date.now(), subject: hostile, user_agent: hostile, origin: hostile },
    ])

    const formats = ['table', 'json', 'csv', 'ndjson', 'ecs', 'ocsf', 'owasp']
    const commands = [
      ...formats.map((format) => ['list', '--format', format]),
      ...[
        ['token', 'list'],
        ['token', 'list', '--json'],
      ],
    ]
    const results = await Promise.all(commands.map((args) => runLapseIn(folder, args)))
    for (const [index, { status, stdout, stderr }] of results.entries()) {
      const command = commands[index]
      expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: '' })
      expect(removeLineBreaks(stdout)).not.toMatch(unsafe)
      expect(stdout).toMatch(/a(\\u001b|\ufffd)\[2Jb/)
    }
  })

  test('Control characters are escaped in errors about a configuration', async () => {
    writeConfigIn(folder, {
      database: `sqlite:x`,
      [hostile]: 1,
      sites: {
        [hostile]: { origins: [hostile], idleTimeoutSeconds: hostile, ticketKeys: [{ alg: hostile }] },
      },
    })
    const { status, stderr } = await runLapseIn(folder, ['serve'])
    expect(status).toBe(1)
    expect(removeLineBreaks(stderr)).not.toMatch(unsafe)
    expect(stderr).toMatch('\\u001b[2Jb\\u009b2J')
  })

  test('The name of a token cannot contain control characters', async () => {
    writeConfigIn(folder, { sites: { acme: { origins: [origin], idleTimeoutSeconds: 1800 } } })
    for (const name of ['\u001b[2J', '\u009b2J', 'a\nb', 'x'.repeat(256), '']) {
      const { status, stderr } = await runLapseIn(folder, [
        'token',
        'create',
        '--scope',
        'read',
        '--name',
        name,
      ])
      expect(status).toBe(2)
      expect(stderr).toMatch(/The name must /)
    }
  })
})

describe('A request from a stranger', () => {
  const encodeLatin1 = (text: string) => Buffer.from(text, 'latin1')

  function exchangeBytes(url: string, bytes: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1')
      let answer = ''
      socket.setEncoding('latin1').on('data', (chunk) => {
        answer += chunk
      })
      socket.on('error', reject).on('close', () => resolve(answer))
      socket.end(bytes)
    })
  }

  test('Control characters in a request reach neither a row, nor the log, nor the answer', async () => {
    const collector = await createCollector({ name: 'SQLite' })
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store)
    const post = (headers: readonly string[], body: string, path = '/v1/lapses') =>
      exchangeBytes(
        collector.url,
        encodeLatin1(
          [
            `POST ${path} HTTP/1.1`,
            'Host: x',
            'Connection: close',
            'Content-Type: text/plain',
            `Content-Length: ${body.length}`,
            ...headers,
            '',
            body,
          ].join('\r\n'),
        ),
      )
    const evil = '\u009b2J\u0085\u0080'
    const answers = [
      await post([`Origin: ${origin}`, `User-Agent: Mozilla ${evil}`], JSON.stringify(createReport())),
      await post([`Origin: https://${evil}`], JSON.stringify(createReport())),
      await post(
        [`Origin: ${evil}`, 'Sec-Fetch-Site: same-origin'],
        JSON.stringify(createReport({ site: 'lapse' })),
      ),
      await post([`Authorization: Bearer ${evil}`], JSON.stringify(createReport())),
      await post([`X-Forwarded-For: ${evil}`], JSON.stringify(createReport())),
      await post([`Content-Encoding: ${evil}`], JSON.stringify(createReport())),
      await post([], JSON.stringify(createReport()), `/v1/${evil}`),
      await post([], JSON.stringify(createReport()), `/${encodeURIComponent(evil)}?${evil}`),
    ]
    for (const field of ['site', 'session', 'subject', 'client', 'ticket', 'detectedBy'])
      answers.push(await (await collector.post(createReport({ [field]: `a${evil}` }))).text())
    for (const query of ['site', 'subject', 'cursor', evil]) {
      const url = `${collector.url}/v1/lapses?${encodeURIComponent(query)}=${encodeURIComponent(evil)}`
      answers.push(await (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).text())
    }
    expect(answers.length).toBe(18)
    expect(answers.filter((answer) => /\p{Cc}/u.test(removeLineBreaks(answer)))).toEqual([])
    const stored = await collector.database.readRows()
    expect(stored.length).toBeGreaterThan(0)
    expect(JSON.stringify(stored)).not.toMatch(/\p{Cc}/u)
    expect(stored.map((row) => row.user_agent)).toContain('Mozilla \ufffd2J\ufffd\ufffd')
    expect(collector.logLines.filter((line) => /\p{Cc}/u.test(removeLineBreaks(line)))).toEqual([])
  })
})
