import fc from 'fast-check'
import { type Payload, payload, ticket } from './bodies.ts'
import { close, formatRequest } from './formatRequest.ts'
import { createOddQueryArbitrary } from './queries.ts'
import { createServerPayloadArbitrary } from './serverBodies.ts'
import { createBytesArbitrary, hostileText } from './text.ts'

/** Bytes to write to a connection. */
export interface Hostile {
  readonly bytes: Buffer
  /** All at once, in two pieces, or only the first piece before the connection is closed. */
  readonly manner: 'whole' | 'pieces' | 'cut'
}

const formatLength = (body: Buffer) => `Content-Length: ${body.length}`
const formatPostLine = (path: string) => `POST ${path} HTTP/1.1`

const formatWellFormedPost = ({ path, body, headers }: Payload) =>
  formatRequest(formatPostLine(path), ['Host: x', close, ...headers, formatLength(body)], body)

/** Requests whose length a proxy and a server may interpret differently. */
const oddFraming = fc.tuple(payload, fc.nat(20)).chain(([{ path, body, headers }, nat]) => {
  const post = formatPostLine(path)
  const chunk = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ])
  const chunked = 'Transfer-Encoding: chunked'
  const formatFramedPost = (framing: readonly string[], sent: Buffer) =>
    formatRequest(post, ['Host: x', close, ...headers, ...framing], sent)
  return fc.constantFrom(
    formatFramedPost([chunked], chunk),
    formatFramedPost([chunked, formatLength(body)], chunk),
    formatFramedPost([formatLength(body), formatLength(body)], body),
    formatFramedPost([formatLength(body), `Content-Length: ${body.length + 1 + nat}`], body),
    formatFramedPost([`Content-Length: ${body.length}, ${body.length}`], body),
    formatFramedPost([`Content-Length: -${nat}`], body),
    formatFramedPost([`Content-Length: +${body.length}`], body),
    formatFramedPost([`Content-Length: 0x${nat}`], body),
    formatFramedPost(['Content-Length: 99999999999999999999'], body),
    formatFramedPost(['Transfer-Encoding: xchunked'], chunk),
    formatFramedPost(['Transfer-Encoding: chunked, identity'], chunk),
    formatFramedPost(['Transfer-Encoding:\tchunked', chunked], chunk),
    formatFramedPost(['Transfer-Encoding : chunked'], chunk),
    formatFramedPost([`Transfer-Encoding:\r\n chunked`], chunk),
    formatFramedPost([chunked], Buffer.from('-1\r\n')),
    formatFramedPost([chunked], Buffer.from('zz\r\n')),
    formatFramedPost([chunked], Buffer.from(`1;${'x'.repeat(20_000)}\r\na\r\n0\r\n\r\n`)),
    formatFramedPost([chunked], Buffer.from('1\r\n{\r\n0\r\nX-Injected: a\u0000b\r\n\r\n')),
    formatFramedPost(['Expect: 100-continue', formatLength(body)], body),
    formatFramedPost(['Expect: the unexpected', formatLength(body)], body),
    // Two requests at once.
    Buffer.concat([
      formatRequest(post, ['Host: x', ...headers, formatLength(body)], body),
      formatFramedPost([formatLength(body)], body),
    ]),
  )
})

const paths = [
  '/',
  '/v1/lapses',
  '/lapse.js',
  '/tag',
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/v1/lapses/1',
  '/v1/activity',
  '/v1/sessions',
  '/v1/summary',
  '/dashboard/session',
  '/dashboard/live-sessions',
]

const oddLine = fc
  .oneof(
    fc.constantFrom(
      'GET',
      'GET /',
      'GET / HTTP/0.9',
      'GET / HTTP/1.0',
      'GET / HTTP/3.0',
      'GET / HTTP/1.1 x',
      'get /healthz HTTP/1.1',
      'G\u0000T / HTTP/1.1',
      'PRI * HTTP/2.0',
      'OPTIONS * HTTP/1.1',
      'CONNECT 127.0.0.1:22 HTTP/1.1',
      'TRACE / HTTP/1.1',
      'LAPSE /v1/lapses HTTP/1.1',
      'GET http://evil.example/healthz HTTP/1.1',
      'GET http://[::1/healthz HTTP/1.1',
      'GET http://a:b@:99999/ HTTP/1.1',
      'GET https://\u00e9\u0301/ HTTP/1.1',
      'GET //evil.example/healthz HTTP/1.1',
      'GET ///[ HTTP/1.1',
      'GET /#x HTTP/1.1',
      'GET /../../etc/passwd HTTP/1.1',
      'GET \\..\\x HTTP/1.1',
      'GET * HTTP/1.1',
      `GET /${'x'.repeat(15_000)} HTTP/1.1`,
      ' GET / HTTP/1.1',
    ),
    fc
      .tuple(
        fc.constantFrom('GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PURGE'),
        fc.constantFrom(...paths),
        hostileText,
      )
      .map(([method, path, text]) => `${method} ${path}${text.replaceAll(/[\r\n ]/g, '+')} HTTP/1.1`),
  )
  .map((line) => formatRequest(line, ['Host: x', close]))

const headerNames = [
  'Host',
  'Origin',
  'Authorization',
  'Cookie',
  'User-Agent',
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'Forwarded',
  'If-None-Match',
  'Accept',
  'Accept-Encoding',
  'Content-Type',
  'Upgrade',
  'Access-Control-Request-Method',
  'Access-Control-Request-Headers',
  'X-Request-Id',
  'Range',
  'Referer',
  'X-HTTP-Method-Override',
  '__proto__',
  'a b',
  '',
]

const oddHeaders = fc
  .tuple(
    fc.constantFrom('GET', 'POST', 'OPTIONS', 'HEAD'),
    fc.constantFrom(...paths),
    fc.array(fc.tuple(fc.constantFrom(...headerNames), hostileText), { minLength: 1, maxLength: 6 }),
  )
  .map(([method, path, headers]) =>
    formatRequest(`${method} ${path} HTTP/1.1`, [
      'Host: x',
      close,
      ...headers.map(([name, value]) => `${name}: ${value}`),
    ]),
  )

const oddCookie = fc
  .tuple(
    fc.constantFrom(
      '/v1/lapses',
      '/v1/lapses?format=csv',
      '/v1/sessions',
      '/v1/summary',
      '/metrics',
      '/dashboard/session',
      '/dashboard/live-sessions',
    ),
    fc.oneof(ticket, hostileText, fc.stringMatching(/^[\w-]{43}$/)),
  )
  .map(([path, text]) =>
    formatRequest(`GET ${path} HTTP/1.1`, ['Host: x', close, `Cookie: lapse-dashboard=${text}`]),
  )

const oddBlock = fc.constantFrom(
  formatRequest('GET /healthz HTTP/1.1', [close]),
  formatRequest('GET /healthz HTTP/1.1', ['Host: x', 'Host: y', close]),
  formatRequest('GET /healthz HTTP/1.1', ['Host: x', 'no colon', close]),
  formatRequest('GET /healthz HTTP/1.1', ['Host: x', `X: ${'x'.repeat(17_000)}`, close]),
  formatRequest('GET /healthz HTTP/1.1', [
    'Host: x',
    ...Array.from({ length: 900 }, (_, n) => `X-${n}: 1`),
    close,
  ]),
  formatRequest('GET / HTTP/1.1', [
    'Host: x',
    'Connection: Upgrade, close',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: x',
  ]),
  formatRequest('GET / HTTP/1.1', [
    'Host: x',
    'Connection: Upgrade, HTTP2-Settings, close',
    'Upgrade: h2c',
    'HTTP2-Settings: AA',
  ]),
  Buffer.from('GET /healthz HTTP/1.1\nHost: x\nConnection: close\n\n'),
  Buffer.from('GET /healthz HTTP/1.1\rHost: x\r\r'),
  Buffer.from('\r\n\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  // The first bytes of a TLS handshake.
  Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
)

/**
 * Generates requests that must cause neither a row, nor a live session, nor a server error.
 *
 * @param tokens valid tokens, by their scope.
 */
export function createHostileRequestArbitrary(tokens: {
  readonly read: string
  readonly write: string
}): fc.Arbitrary<Hostile> {
  const manner = fc.oneof(
    { weight: 8, arbitrary: fc.constant('whole' as const) },
    { weight: 1, arbitrary: fc.constant('pieces' as const) },
    { weight: 1, arbitrary: fc.constant('cut' as const) },
  )
  const bytes = fc.oneof(
    { weight: 8, arbitrary: payload.map(formatWellFormedPost) },
    { weight: 3, arbitrary: createServerPayloadArbitrary(tokens).map(formatWellFormedPost) },
    { weight: 3, arbitrary: oddFraming },
    { weight: 3, arbitrary: oddLine },
    { weight: 3, arbitrary: oddHeaders },
    { weight: 1, arbitrary: oddCookie },
    { weight: 1, arbitrary: oddBlock },
    { weight: 4, arbitrary: createOddQueryArbitrary(tokens.read) },
    {
      weight: 1,
      arbitrary: createBytesArbitrary(500).map((some) => Buffer.concat([some, Buffer.from('\r\n\r\n')])),
    },
  )
  return fc.record({ bytes, manner })
}

/** The beginnings of requests that are never completed. */
export const unfinished: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom('', 'G', 'POST /v1/lapses HTTP/1.1\r\nHost: x\r\nX: ').map(Buffer.from),
  payload.map(({ path, body, headers }: Payload) =>
    formatRequest(formatPostLine(path), ['Host: x', ...headers, `Content-Length: ${body.length + 1}`], body),
  ),
  fc
    .constantFrom('5\r\n{', 'FFFFFFFFFFFFFFF\r\nx\r\n')
    .map((chunk) =>
      formatRequest(
        formatPostLine('/v1/lapses'),
        ['Host: x', 'Transfer-Encoding: chunked'],
        Buffer.from(chunk),
      ),
    ),
)
