import { pino } from 'pino'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { redactPath, redactSecrets } from '../../src/domain/text/redactSecrets.ts'
import { serializeError } from '../../src/observability/serializeError.ts'
import { createCollector, createReport, issueToken, origin } from '../support/collector.ts'

const agent = 'Secretagent/7.0 (o\'clock) "quoted" - dash'
const personal = {
  session: `alias-secret-o'brien' for key 'x`,
  subject: 'subject-secret - "and" more',
  client: 'client-secret',
}
const secrets = /secret|o'brien|Secretagent|quoted|198\.51\.100\.77|198\.51/i

async function createLoggingCollector(server: DatabaseServer) {
  const collector = await createCollector(server, {
    trustProxy: ['127.0.0.1'],
    sites: { acme: { origins: [origin], idleTimeoutSeconds: 1800, ip: 'full' } },
  })
  onTestFinished(collector.end)
  const headers = { Origin: origin, 'User-Agent': agent, 'X-Forwarded-For': '198.51.100.77' }
  const post = (changes = {}) => collector.post(createReport({ ...personal, ...changes }), headers)
  const readErrors = () =>
    collector.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level >= 40)
  return { ...collector, post, errors: readErrors }
}

/** Triggers that a host may add to the audit table, by the error that the database then reports. */
const mysqlTriggers: Readonly<Record<string, readonly string[]>> = {
  'a trigger whose message contains values': [
    `create trigger refuse before insert on session_audit for each row begin
      declare words varchar(2000) default concat('not ', new.user_agent, ' of ', new.subject, new.session_key, new.ip);
      signal sqlstate '45000' set message_text = words; end`,
  ],
  'a duplicate in another table': [
    'create table host (at varchar(600), unique (at))',
    "insert into host select concat('subject-secret - ', '\"and\" more')",
    'create trigger refuse before insert on session_audit for each row insert into host values (new.subject)',
  ],
  'an incorrect value': [
    'create table host (id int)',
    'create trigger refuse before insert on session_audit for each row insert into host values (new.session_key)',
  ],
  'a value that is too long': [
    'create table host (agent varchar(3))',
    'create trigger refuse before insert on session_audit for each row insert into host values (new.user_agent)',
  ],
  'a violated constraint': [
    `create table host (ip varchar(60), constraint no_host check (ip <> '198.51.100.77'))`,
    'create trigger refuse before insert on session_audit for each row insert into host values (new.ip)',
  ],
  'a table that is missing': [
    'create table host (ip varchar(60))',
    'create trigger refuse before insert on session_audit for each row insert into host values (new.ip)',
    'drop table host',
  ],
}
const sqliteTriggers: typeof mysqlTriggers = {
  'a trigger whose message contains values': [
    `create trigger refuse before insert on session_audit begin
      select raise(abort, 'not ' || new.user_agent || ' of ' || new.subject || new.session_key || new.ip); end`,
  ],
  'a duplicate in another table': [
    'create table host (at text unique)',
    `insert into host values ('subject-secret - "and" more')`,
    'create trigger refuse before insert on session_audit begin insert into host values (new.subject); end',
  ],
  'a violated constraint': [
    `create table host (ip text check (ip <> '198.51.100.77'))`,
    'create trigger refuse before insert on session_audit begin insert into host values (new.ip); end',
  ],
  'a table that is missing': [
    'create table host (ip text)',
    'create trigger refuse before insert on session_audit begin insert into host values (new.ip); end',
    'drop table host',
  ],
}

const refusals = inject('databaseServers').flatMap((server) =>
  Object.entries(server.url === undefined ? sqliteTriggers : mysqlTriggers).map(
    ([what, statements]) => [what, server.name, server, statements] as const,
  ),
)

describe('The log', () => {
  test.each(refusals)(
    'contains the reason, but no value of the row, if the row is refused by %s on %s',
    async (_, __, server, statements) => {
      const collector = await createLoggingCollector(server)
      for (const statement of statements) await collector.database.sql.raw(statement)
      const response = await collector.post()
      expect(response.status).toBe(503)
      expect(await response.text()).not.toMatch(secrets)
      const [error, ...others] = collector.errors()
      expect(others).toEqual([])
      const { err } = error
      expect(err.code ?? err.cause?.code).toMatch(/^(ER_|SQLITE_|WARN_|UNKNOWN)/)
      expect(err.message.length).toBeGreaterThan(5)
      expect(collector.logLines.join('')).not.toMatch(secrets)
      expect(collector.logLines.join('')).not.toMatch(/insert into/i)
    },
  )

  test.each(inject('databaseServers'))(
    'contains neither the statement nor its values if a query fails on $name',
    async (server) => {
      const collector = await createLoggingCollector(server)
      const { token } = await issueToken(collector.store)
      await collector.database.sql.schema.dropTable('session_audit')
      const query = `subject=subject-secret&session=${encodeURIComponent(personal.session)}`
      for (const path of [`/v1/lapses?${query}`, `/v1/summary?${query}`, `/v1/lapses?format=csv&${query}`]) {
        const headers = { Authorization: `Bearer ${token}`, Cookie: 'session=cookie-secret' }
        const response = await fetch(`${collector.url}${path}`, { headers })
        expect(await response.text().catch(() => '')).not.toMatch(secrets)
      }
      expect(collector.errors().length).toBeGreaterThan(0)
      const log = collector.logLines.join('')
      expect(log).toMatch(/session_audit/)
      expect(log).not.toMatch(secrets)
      expect(log).not.toMatch(token)
      expect(log).not.toMatch(/select `/i)
    },
  )

  test('contains only the id of a token in a path', async () => {
    const collector = await createLoggingCollector({ name: 'SQLite' })
    const { id, token } = await issueToken(collector.store)
    await fetch(`${collector.url}/v1/${token}`)
    expect(collector.logLines.join('')).toMatch(id)
    expect(collector.logLines.join('')).not.toMatch(token)
  })

  test('contains no secret from a path, even if it is encoded or part of a word', async () => {
    const collector = await createLoggingCollector({ name: 'SQLite' })
    const { id, token } = await issueToken(collector.store)
    const secret = token.slice(-43)
    const encodeAll = (text: string) =>
      [...text].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('')
    const paths = [
      `/v1/lapses/${token.replaceAll('_', '%5F')}`,
      `/v1/lapses/${token.replaceAll('_', '%5f')}`,
      `/v1/lapses/${token.replace('lapse_', 'lapse%25255F')}`,
      `/v1/lapses/${token.replace('lapse_', 'lapse%%35%46')}`,
      `/v1/lapses/${encodeAll(token)}`,
      `/v1/lapses/%ff%${token.replace('lapse_', 'lapse%5F')}`,
      `/x/x${token}`,
      `/x/_${token}`,
    ]
    for (const path of paths) {
      await fetch(`${collector.url}${path}`)
      const line = collector.logLines.at(-1) ?? ''
      expect(line).toMatch(id)
      expect(line).not.toMatch(secret.slice(-20))
      expect(line).not.toMatch(encodeAll(secret.slice(-20)))
    }
    await fetch(`${collector.url}/v1/lapses/x%65yJhbGciOiJub25lIn0.eyJzZWNyZXQ.c2VjcmV0`)
    expect(collector.logLines.at(-1)).not.toMatch('c2VjcmV0')
    await fetch(`${collector.url}/v1/lapses/${token.replace('lapse_', `lapse%${'25'.repeat(20)}5F`)}`)
    expect(collector.logLines.at(-1)).toMatch('encoded too many times')
  })

  test('contains paths without secrets unchanged', () => {
    for (const path of ['/v1/lapses/1', '/caf%C3%A9%20%0A%7f%zz', '/lapse_x', '/%25'])
      expect(redactPath(path)).toBe(path)
  })
})

describe('An error in the log', () => {
  function logError(error: unknown) {
    const lines: string[] = []
    pino({ serializers: { err: serializeError } }, { write: (line) => void lines.push(line) }).error(
      { err: error },
      'failed',
    )
    return JSON.parse(lines.join(''))
  }

  test('contains its code, stack and causes, but none of its other properties', () => {
    const sql = "insert into t values ('secret')"
    const database = Object.assign(new Error(`${sql} - Duplicate entry 'secret' for key 'k'`), {
      ...{
        code: 'ER_DUP_ENTRY',
        errno: 1062,
        sqlState: '23000',
        sqlMessage: "Duplicate entry 'secret' for key 'k'",
      },
      ...{ sql, bindings: ['secret'], parameters: ['secret'] },
    })
    const error = new Error('The event could not be written.', { cause: database })
    expect(logError(Object.assign(error, { headers: { Authorization: 'secret' } }))).toMatchObject({
      err: {
        type: 'Error',
        message: 'The event could not be written.',
        stack: expect.stringMatching(/^ {4}at /),
        cause: { code: 'ER_DUP_ENTRY', errno: 1062, sqlState: '23000', message: "Duplicate entry '…'" },
      },
    })
    expect(JSON.stringify(logError(error))).not.toMatch('secret')
  })

  test.each<[string, unknown, RegExp]>([
    ['a URL with a password', new TypeError('Failed to parse https://u:secret@host/x?key=secret'), /host\/x/],
    ['several hosts with a password', new Error('mysql://u:secret@a:1,b:2/lapse is unreachable'), /a:1,b:2/],
    [
      'a database password with ? and #',
      new Error('mysql://u:a?b#secret@a:1,b:2/lapse is unreachable'),
      /a:1,b:2/,
    ],
    ['a database password with / and @', new Error('no mariadb://u:a@b/secret@a:1/lapse here'), /a:1.* here/],
    ['a token', new Error(`Bearer lapse_0123456789abcdef_${'secret_'.repeat(6)}s is odd`), /is odd/],
    ['a ticket', new Error('bad eyJzZWNyZXQ.secret.secret here'), /here/],
    ['a body that is not JSON', catchParseError('{"password": secret}'), /JSON/],
    [
      'a lost connection',
      new Error("select * from t where a = 'secret' - Connection lost"),
      /Connection lost/,
    ],
    ['several attempts', new AggregateError([new Error('https://u:secret@h/')], 'all failed'), /all failed/],
    ['a value that is not an error', { password: 'secret' }, /not an error/],
    ['a string', 'secret', /not an error/],
    [
      'a stack that begins with the message',
      new Error('Bearer secret\n    at Bearer secret (a:1:1)'),
      /Bearer/,
    ],
    ['a circular cause', createCircularError(), /again/],
  ])('contains no secret from %s', (_, error, rest) => {
    const text = JSON.stringify(logError(error))
    expect(text).not.toMatch('secret')
    expect(text).toMatch(rest)
    expect(text.length).toBeLessThan(20_000)
  })

  test('contains messages without secrets unchanged', () => {
    for (const text of [
      'connect ECONNREFUSED 127.0.0.1:3306',
      "Cannot read properties of undefined (reading 'x')",
    ])
      expect(redactSecrets(text)).toBe(text)
  })

  function catchParseError(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (error) {
      return error
    }
  }

  function createCircularError(): Error {
    const error = new Error('again')
    error.cause = error
    return error
  }
})
