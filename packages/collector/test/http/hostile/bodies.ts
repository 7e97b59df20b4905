import fc from 'fast-check'
import { createReport, origin } from '../../support/collector.ts'
import { createActivity } from '../../support/sessionCollector.ts'
import { createBytesArbitrary, hostileText } from './text.ts'

/** An endpoint for reports, with a valid report. */
interface ReportEndpoint {
  readonly path: '/v1/lapses' | '/v1/activity'
  readonly createReport: (changes?: Readonly<Record<string, unknown>>) => Record<string, unknown>
  /** Invalid values for each field. */
  readonly badFields: Readonly<Record<string, readonly unknown[]>>
}

/** A report with its headers. The collector must store nothing for it. */
export interface Payload {
  readonly path: ReportEndpoint['path']
  readonly body: Buffer
  readonly headers: readonly string[]
}

const plain = ['Content-Type: text/plain', `Origin: ${origin}`]

export const encodeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

const sharedBadFields = {
  site: [undefined, null, '', 7, [], {}, '__proto__', 'constructor', 'x\u0000', 'x'.repeat(65), '\ud800'],
  marker: [undefined, null, '', 'x', 7, {}, '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3', '\u0000'],
  startedAt: [
    undefined,
    null,
    -1,
    0,
    1_767_340_800,
    1.5,
    '0',
    1e300,
    253_402_300_800_000,
    [],
    { valueOf: 1 },
  ],
  lastAccessAt: [undefined, null, -1, 0.1, true, 1e21, '2026-01-01'],
  sentAt: [undefined, null, 'now', -253_402_300_799_999],
  session: ['', 7.5, 2 ** 53, 'a\nb', 'a\u2028b', 'x'.repeat(256), ['a'], '\udc00'],
  subject: ['', {}, 'a\u001b[31m', '\u009b', 'x'.repeat(300), true, -0.5],
  ticket: ['', 7, {}, []],
  client: ['', 'x'.repeat(33), 1, '\r\n'],
}

export const endpoints: readonly ReportEndpoint[] = [
  {
    path: '/v1/lapses',
    createReport,
    badFields: {
      ...sharedBadFields,
      detectedAt: [undefined, null, -0.5, [0], 9e15],
      detectedBy: [undefined, null, 'server', 'LOGIN_PAGE', '', {}, '__proto__'],
      browserRestarted: ['yes', 1, 0, {}],
    },
  },
  {
    path: '/v1/activity',
    createReport: createActivity,
    badFields: { ...sharedBadFields, heartbeatSeconds: [-1, '60', true, [], {}, [60]] },
  },
]

const encodeBase64Url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const ticketHeader = fc.oneof(
  fc.constantFrom<object>(
    { alg: 'none', typ: 'lapse+jwt' },
    { alg: 'HS256', typ: 'lapse+jwt' },
    { alg: 'HS256', typ: 'lapse+jwt', crit: ['exp'], exp: 1 },
    { alg: 'HS256', typ: 'lapse+jwt', kid: '../../dev/null' },
    { alg: 'HS256', typ: 'lapse+jwt', kid: { id: 1 } },
    { alg: 'HS256', typ: 'lapse-session+jwt', kid: ['a'] },
    { alg: 'RS256', typ: 'lapse+jwt', jku: 'http://127.0.0.1:1/jwks.json' },
    { alg: 'HS256', typ: 'lapse+jwt', jwk: { kty: 'oct', k: 'AAAA' } },
    { alg: 'HS256', typ: 'lapse+jwt', b64: false, crit: ['b64'] },
    { alg: ['HS256'], typ: {} },
    { alg: '__proto__', zip: 'DEF' },
  ),
  hostileText.map((text) => ({ alg: text, typ: text, kid: text })),
)

export const ticket = fc.oneof(
  hostileText.filter((text) => text !== ''),
  fc.constantFrom(
    '.',
    '..',
    '...',
    '....',
    'a.b.c',
    'eyJ',
    `${encodeBase64Url(null)}.${encodeBase64Url([])}.x`,
  ),
  fc
    .tuple(ticketHeader, hostileText, fc.string({ maxLength: 60 }))
    .map(
      ([header, text, signature]) =>
        `${encodeBase64Url(header)}.${encodeBase64Url({ iss: 'acme', sub: text })}.${signature}`,
    ),
)

const bearer = hostileText.map((text) => text.replaceAll(/[\r\n]/g, ' '))

/** Reports that all sessions of a user have ended, most of them invalid. */
export const subjectEnd = fc.record({
  site: fc.oneof(fc.constant('open'), hostileText),
  subject: fc.oneof(hostileText, fc.constantFrom<unknown>(7, 7.5, {}, [], null)),
  reason: fc.oneof(hostileText, fc.constantFrom<unknown>('revoked', 'clock_anomaly', 7, ['logout'], {})),
  except: fc.oneof(hostileText, fc.constantFrom<unknown>(undefined, null, 7, [], {})),
  detectedAt: fc.constantFrom<unknown>(undefined, null, 0, -1, 1e300, '0', {}),
})

function createPayloadArbitrary({ path, createReport, badFields }: ReportEndpoint): fc.Arbitrary<Payload> {
  const badReport = fc
    .constantFrom(...Object.entries(badFields))
    .chain(([field, values]) => fc.constantFrom(...values).map((value) => [field, value] as const))
    .map(([field, value]) => createReport({ site: 'open', [field]: value }))

  const notJson = fc.oneof(
    createBytesArbitrary(2000),
    fc.nat({ max: 200 }).map((end) => encodeJson(createReport({ site: 'open' })).subarray(0, end)),
    fc
      .constantFrom('', '{', 'nul', '{"a":1}}', "{'site':'open'}", '\ufeff{}', '[1,]', 'NaN', '"\u0000"')
      .map(Buffer.from),
    fc
      .constantFrom('utf16le', 'latin1')
      .map((encoding) => Buffer.from(`{"site":"ö"}`, encoding as BufferEncoding)),
    fc.constantFrom([0xff], [0xc0, 0xae], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]).map((bytes) => {
      const whole = encodeJson(createReport({ site: 'open', subject: '#' }))
      const at = whole.indexOf('#')
      return Buffer.concat([whole.subarray(0, at), Buffer.from(bytes), whole.subarray(at + 1)])
    }),
  )

  const oddJson = fc.oneof(
    fc.json({ maxDepth: 5 }).map(Buffer.from),
    fc.integer({ min: 1, max: 4000 }).map((depth) => Buffer.from('['.repeat(depth) + ']'.repeat(depth))),
    fc
      .integer({ min: 1, max: 1300 })
      .map((depth) => Buffer.from(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)),
    fc.constantFrom('__proto__', 'constructor', 'prototype').map((key) => {
      const text = JSON.stringify(createReport({ site: 'open' }))
      return Buffer.from(`{"${key}":${text}}`)
    }),
    fc.constant(
      Buffer.from('{"site":"open","detectedBy":"server","reason":"logout","session":"x","site":"open"}'),
    ),
    fc
      .integer({ min: 8193, max: 20_000 })
      .map((size) => encodeJson(createReport({ site: 'open', padding: 'x'.repeat(size) }))),
  )

  const refused = fc.oneof(
    // Only servers may send several reports, or end all sessions of a user.
    fc.integer({ min: 0, max: 12 }).map((length) => ({
      body: encodeJson(Array.from({ length }, () => createReport({ site: 'open' }))),
      headers: plain,
    })),
    subjectEnd.map((report) => ({ body: encodeJson(report), headers: plain })),
    // Reports with an invalid ticket, for sites that require one.
    fc
      .tuple(ticket, fc.constantFrom('acme', 'lapse'))
      .map(([text, site]) => ({ body: encodeJson(createReport({ site, ticket: text })), headers: plain })),
    // Reports without a ticket, whose ids are unusual but allowed.
    hostileText.map((text) => ({
      body: encodeJson(createReport({ subject: text, session: text })),
      headers: plain,
    })),
    hostileText.map((text) => ({
      body: encodeJson(createReport({ site: `other ${text}` })),
      headers: plain,
    })),
    bearer.map((text) => ({
      body: encodeJson(createReport({ site: 'open' })),
      headers: ['Content-Type: text/plain', `Authorization: Bearer lapse_${text}`],
    })),
    bearer.map((text) => ({
      body: encodeJson(createReport({ site: 'open' })),
      headers: ['Content-Type: text/plain', `Origin: https://evil.example${text}`],
    })),
    fc.constantFrom('gzip', 'br', 'identity, gzip', 'x').map((encoding) => ({
      body: encodeJson(createReport({ site: 'open' })),
      headers: [...plain, `Content-Encoding: ${encoding}`],
    })),
    fc
      .constantFrom(
        'text/html',
        'application/xml',
        'multipart/form-data; boundary=x',
        ';',
        'application/json5',
      )
      .map((type) => ({
        body: encodeJson(createReport({ site: 'open' })),
        headers: [`Content-Type: ${type}`],
      })),
  )

  return fc
    .oneof(
      fc.oneof(notJson, oddJson, badReport.map(encodeJson)).map((body) => ({ body, headers: plain })),
      refused,
    )
    .map((payload) => ({ path, ...payload }))
}

/** Generates requests of browsers and of servers without a valid token. */
export const payload: fc.Arbitrary<Payload> = fc.oneof(...endpoints.map(createPayloadArbitrary))
