import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  type InProcessCollector,
  issueToken,
  origin,
} from '../support/collector.ts'

/** Raw messages of the validation library, which mean nothing to users. */
const rawText =
  /invalid (input|option|key|string|number|value)|expected|received|unrecognized|too (big|small)|pattern|undefined|\bnan\b|\[object|safeint|^invalid/i

const badValues = [null, true, 0, -1, 1.5, 1e300, '', 'x', '1', '\u009b31m', [], [null], {}, { x: 1 }]

interface FieldFault {
  readonly detail: string
}

/** Yields every copy of a value in which one member, at any depth, is invalid, missing or misspelt. */
function* listCorruptedCopies(value: unknown): Generator<unknown> {
  yield* badValues
  if (typeof value !== 'object' || value === null) return
  for (const [key, member] of Object.entries(value)) {
    const replace = (changed: unknown) =>
      Array.isArray(value)
        ? value.map((each, index) => (String(index) === key ? changed : each))
        : { ...value, [key]: changed }
    if (!Array.isArray(value)) {
      const { [key]: _, ...rest } = value as Readonly<Record<string, unknown>>
      yield rest
      yield { ...value, [`${key}s`]: member }
    }
    for (const changed of listCorruptedCopies(member)) yield replace(changed)
  }
}

describe('An invalid configuration', () => {
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
  const full = {
    ...createConfig('mysql://lapse@db/lapse', {
      table: 'person.audit_log',
      listen: { host: '127.0.0.1', port: 4780, keepAliveSeconds: 75 },
      trustProxy: ['10.0.0.0/8'],
      forwardedHeader: 'Forwarded',
      rateLimit: { requestsPerMinute: 3000 },
      sweep: { everySeconds: 15 },
      purge: { dailyAt: '03:00' },
      logLevel: 'info',
      forward: {
        siem: {
          type: 'webhook',
          url: 'https://siem.acme.com/lapse',
          secret: 'env:WEBHOOK_SECRET',
          authorization: 'env:WEBHOOK_SECRET',
          search: '-reason:logout',
        },
        log: {
          type: 'syslog',
          host: 'log.acme.com',
          port: 6514,
          tls: { caPath: 'ca.pem', certPath: 'client.pem', keyPath: 'key.pem', serverName: 'log' },
          facility: 'local0',
        },
      },
      forwardInServe: true,
    }),
    sites: {
      acme: {
        origins: [origin],
        idleTimeoutSeconds: 1800,
        absoluteTimeoutSeconds: 43_200,
        graceSeconds: 10,
        refreshSeconds: 900,
        ticketKeys: [
          { alg: 'HS256', secret: 'env:TICKET_SECRET' },
          { alg: 'EdDSA', jwks: { keys: [jwk] } },
          { alg: 'ES256', jwksUrl: 'https://app.acme.com/jwks.json' },
        ],
        requireTicket: true,
        recordLogouts: true,
        heartbeatSeconds: 60,
        ip: 'full',
        retentionDays: 400,
      },
    },
  }

  function findFaults(written: unknown): string[] {
    try {
      parseConfig(written, environment)
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split('\n').slice(1)
      throw error
    }
  }

  test('The complete configuration of these tests is valid', () => {
    expect(findFaults(full)).toEqual([])
  })

  test('Every error is a plain sentence that names the setting', () => {
    const faults = [...listCorruptedCopies(full)].flatMap(findFaults)
    expect(faults.length).toBeGreaterThan(300)
    expect(faults.filter((fault) => rawText.test(fault))).toEqual([])
    expect(faults.filter((fault) => !/^ {2}\S[^:]*: \S.+/.test(fault))).toEqual([])
  })

  test.each([
    [{ url: 'http://siem.acme.com/' }, 'url: must be an https URL; http is allowed for this machine only'],
    [
      { url: 'https://user:password@siem.acme.com/' },
      'url: must not contain a user name or a password; send them with the setting authorization',
    ],
    [{ url: 'env:NO_URL' }, 'url: the environment variable NO_URL is not set'],
    [
      { secret: 'whsec_c2VjcmV0' },
      'secret: must be env:NAME: put the secret into an environment variable, not into this file',
    ],
    [{ secret: 'env:SHORT' }, 'secret: the environment variable SHORT is shorter than 24 bytes'],
    [{ secret: 'env:BROKEN' }, 'secret: the environment variable BROKEN must have base64 after whsec_'],
    [
      { secret: undefined, authorization: undefined },
      'secret: is missing; set secret, authorization or both, so that the receiver can tell who sends the rows',
    ],
    [
      { authorization: 'env:TWO_LINES' },
      'authorization: the environment variable TWO_LINES must be the value of an Authorization header, such as "Bearer TOKEN"',
    ],
    [{ site: 'shop' }, 'site: must be one of the sites in the configuration'],
    [
      { search: 'flag:late,burst' },
      'search: must not contain `flag:superseded`, `flag:burst`, `flag:review` here, even excluded: later rows can change these flags',
    ],
    [{ search: 'flag:unknown' }, 'search: has an invalid term flag:unknown: the flag must be one of'],
  ])('A webhook that would be sent insecurely, or not at all, is refused: %j', (changes, fault) => {
    const variables = { SHORT: 'short', BROKEN: 'whsec_!', TWO_LINES: 'a\r\nb' }
    const siem = { ...full.forward?.siem, ...changes }
    const parse = (more: object) =>
      parseConfig({ ...full, forward: { siem }, ...more }, { ...environment, ...variables })
    expect(() => parse({})).toThrow(`  forward.siem.${fault}`)
    // Only the process that sends the rows needs the secrets.
    if (fault.includes('the environment variable'))
      expect(() => parse({ forwardInServe: false })).not.toThrow()
  })

  test('A misspelt setting is answered with the known names', () => {
    expect(findFaults({ ...full, listen: { hots: '::' } })).toEqual([
      '  listen.hots: is unknown; use one of host, port, keepAliveSeconds',
    ])
  })

  test.each([
    [{ graceSeconds: 1800 }, 'graceSeconds: must be less than idleTimeoutSeconds (1800)'],
    [{ graceSeconds: 999_999 }, 'graceSeconds: must be less than idleTimeoutSeconds (1800)'],
  ])('A grace period that is not shorter than the idle timeout is refused: %j', (changes, fault) => {
    const { acme } = full.sites
    expect(findFaults({ ...full, sites: { acme: { ...acme, ...changes } } })).toContain(
      `  sites.acme.${fault}`,
    )
    // The absolute timeout may be shorter than the idle timeout.
    const good = { graceSeconds: 1799, refreshSeconds: 0, absoluteTimeoutSeconds: 600 }
    expect(findFaults({ ...full, sites: { acme: { ...acme, ...good } } })).toEqual([])
  })

  test.each([
    [{ refreshSeconds: 1790 }, 'must be less than idleTimeoutSeconds (1800) minus the grace period (10)'],
    [{ refreshSeconds: 1e6 }, 'must be less than idleTimeoutSeconds (1800) minus the grace period (10)'],
    [
      { refreshSeconds: 900, graceSeconds: 900 },
      'must be less than idleTimeoutSeconds (1800) minus the grace period (900)',
    ],
    [
      { refreshSeconds: 54, idleTimeoutSeconds: 60, graceSeconds: undefined },
      'must be less than idleTimeoutSeconds (60) minus the grace period (6)',
    ],
    [{ refreshSeconds: -1 }, 'must be at least 0'],
    [{ refreshSeconds: '900' }, 'must be a number'],
  ])('A refreshSeconds that leaves nothing of the idle timeout is refused: %j', (changes, fault) => {
    const findSiteFaults = (changes: object) =>
      findFaults({ ...full, sites: { acme: { ...full.sites.acme, ...changes } } })
    expect(findSiteFaults(changes)).toEqual([`  sites.acme.refreshSeconds: ${fault}`])
    expect(findSiteFaults({ refreshSeconds: 1789.9 })).toEqual([])
  })

  test('A heartbeat that is longer than the idle timeout, or no time at all, is refused', () => {
    const findSiteFaults = (heartbeatSeconds: unknown) =>
      findFaults({ ...full, sites: { acme: { ...full.sites.acme, heartbeatSeconds } } })
    expect(findSiteFaults(300_000)).toEqual([
      '  sites.acme.heartbeatSeconds: must not be more than idleTimeoutSeconds (1800)',
    ])
    expect(findSiteFaults(0)).toEqual(['  sites.acme.heartbeatSeconds: must be greater than 0'])
    expect(findSiteFaults(1800)).toEqual([])
  })

  test.each([0, 3601, 1.5])('A sweep every %d seconds is refused', (everySeconds) => {
    expect(findFaults({ ...full, sweep: { everySeconds } })).toEqual([
      expect.stringMatching(/^ {2}sweep\.everySeconds: must be /),
    ])
  })

  test('Only the dashboard, which has its own key, may require tickets without a key', () => {
    const site = { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true }
    expect(findFaults({ ...full, sites: { lapse: site } })).toEqual([])
    expect(
      findFaults({ ...full, sites: { lapse: site, acme: site, other: { ...site, ticketKeys: [] } } }),
    ).toEqual(
      ['acme', 'other'].map(
        (name) => `  sites.${name}.ticketKeys: must have at least one key, because requireTicket is true`,
      ),
    )
  })

  test.each([36_501, 1e6, 2 ** 53 - 1])('A retention of %d days is refused', (retentionDays) => {
    const { acme } = full.sites
    expect(findFaults({ ...full, sites: { acme: { ...acme, retentionDays } } })).toEqual([
      '  sites.acme.retentionDays: must be at most 36500',
    ])
  })

  test('An error in an environment variable names the variable, not the file', () => {
    const wrong = {
      LAPSE_PORT: '4780x',
      LAPSE_LOG_LEVEL: 'loud',
      LAPSE_HOST: '',
      LAPSE_DATABASE_URL: 'postgres://db/lapse',
    }
    const getMessage = (written: unknown, variables: Readonly<Record<string, string>>) => {
      try {
        parseConfig(written, { ...environment, ...variables }, 'configuration file x.json')
      } catch (error) {
        if (error instanceof ConfigError) return error.message
      }
      return ''
    }
    expect(
      getMessage(full, wrong)
        .replace(/DATABASE_URL: .*/, 'DATABASE_URL: …')
        .split('\n')
        .sort(),
    ).toEqual([
      '  LAPSE_DATABASE_URL: …',
      '  LAPSE_LOG_LEVEL: must be one of fatal, error, warn, info, debug, trace, silent',
      '  LAPSE_PORT: must be a port number, such as 4780',
      'Invalid environment variables:',
    ])
    expect(getMessage({ ...full, logLevel: 'loud', table: '' }, { LAPSE_PORT: '70000' })).toMatch(
      /^Invalid settings in configuration file x.json:\n {2}table: .*\n {2}logLevel: .*\nInvalid environment variables:\n {2}LAPSE_PORT: must be at most 65535$/,
    )
  })

  test.each([null, [], 'acme', 7])('The error for "sites": %j says what it must be', (sites) => {
    expect(findFaults({ ...full, sites })).toEqual([
      '  sites: must be an object with an entry for each site, by its name',
    ])
  })

  test('All errors are listed for sites with invalid names, and so are the names', () => {
    const sites = JSON.parse(`{
      "my shop": { "origins": ["https://shop.acme.com/"], "idleTimeoutSeconds": 0 },
      "__proto__": { "origins": [], "idleTimeoutSeconds": 1800 },
      "": { "origins": ["https://acme.com"] },
      "\\u001b[2J": { "origins": ["https://acme.com"], "idleTimeoutSeconds": 1800 },
      "acme": { "origins": ["https://app.acme.com"], "idleTimeoutSeconds": "1800" }
    }`)
    const faults = findFaults({ ...full, sites })
    expect(faults.map((fault) => fault.split(': ')[0]?.trim()).sort()).toEqual(
      [
        'sites."my shop"',
        'sites."my shop".origins.0',
        'sites."my shop".idleTimeoutSeconds',
        'sites.__proto__',
        'sites.__proto__.origins',
        'sites.""',
        'sites."".idleTimeoutSeconds',
        'sites."\\u001b[2J"',
        'sites.acme.idleTimeoutSeconds',
      ].sort(),
    )
  })
})

describe('An invalid request', () => {
  let collector: InProcessCollector
  let readToken: string
  let writeToken: string
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
    readToken = (await issueToken(collector.store)).token
    writeToken = (await issueToken(collector.store, { scope: 'write' })).token
  })
  afterAll(() => collector.end())

  async function readDetails(response: Response): Promise<string[]> {
    if (response.ok) return []
    const { detail, errors = [] } = await response.json()
    return [detail, ...errors.map((error: FieldFault) => error.detail)]
  }

  test('A report of a browser or a server is refused in plain sentences', async () => {
    const now = Date.now()
    const server = { site: 'acme', session: 'a', marker: crypto.randomUUID(), reason: 'revoked' }
    const times = { startedAt: now, lastAccessAt: now, detectedAt: now, sentAt: now }
    const details: string[] = []
    for (const report of listCorruptedCopies({ ...createReport(), ticket: 'eyJ' }))
      details.push(...(await readDetails(await collector.post(report))))
    for (const report of listCorruptedCopies({ ...server, ...times, detectedBy: 'server' }))
      details.push(
        ...(await readDetails(await collector.post(report, { Authorization: `Bearer ${writeToken}` }))),
      )
    expect(details.length).toBeGreaterThan(200)
    expect(details.filter((detail) => rawText.test(detail) || /\p{Cc}/u.test(detail))).toEqual([])
  })

  test('A query is refused in plain sentences', async () => {
    const parameters = ['site', 'subject', 'session', 'reason', 'evidence', 'from', 'to', 'limit', 'cursor']
    const own = ['format', 'bucket', 'timeZone', 'color', '__proto__', 'constructor']
    const values = ['', 'x', '-1', '1.5', '1767340800', '\u009b', '9'.repeat(300), '__proto__']
    const details: string[] = []
    for (const path of ['v1/lapses', 'v1/summary'])
      for (const name of [...parameters, ...own])
        for (const value of [...values, 'a&x=b']) {
          const repeated = value === 'a&x=b'
          const query = repeated ? `${name}=a&${name}=b` : `${name}=${encodeURIComponent(value)}`
          const headers = { Authorization: `Bearer ${readToken}` }
          details.push(...(await readDetails(await fetch(`${collector.url}/${path}?${query}`, { headers }))))
        }
    expect(details.length).toBeGreaterThan(100)
    expect(details.filter((detail) => rawText.test(detail) || /\p{Cc}/u.test(detail))).toEqual([])
  })

  test('A ticket is refused in plain sentences', async () => {
    const claims = {
      iss: 'signed',
      sub: 'u_7',
      iat: 1_767_340_800,
      sid: 'a',
      exp: 4e9,
      nbf: 1,
      idle: 60,
      abs: 60,
    }
    const details: string[] = []
    for (const changed of listCorruptedCopies(claims)) {
      if (typeof changed !== 'object' || changed === null || Array.isArray(changed)) continue
      const ticket = await new SignJWT({ ...changed })
        .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
        .sign(new TextEncoder().encode(environment.TICKET_SECRET))
      details.push(...(await readDetails(await collector.post(createReport({ site: 'signed', ticket })))))
    }
    for (const ticket of ['x', 'a.b.c', '{}', '..'])
      details.push(...(await readDetails(await collector.post(createReport({ site: 'signed', ticket })))))
    expect(details.length).toBeGreaterThan(50)
    expect(details.filter((detail) => rawText.test(detail) || /ERR_|timestamp check/.test(detail))).toEqual(
      [],
    )
  })
})
