import fc from 'fast-check'
import { close, formatRequest } from './formatRequest.ts'
import { hostileText } from './text.ts'

const parameters = [
  'site',
  'subject',
  'session',
  'reason',
  'evidence',
  'from',
  'to',
  'limit',
  'cursor',
  'format',
  'bucket',
  'timeZone',
  'v',
  '__proto__',
  'x[]',
]

/** Valid values of some parameters, used for all of them. */
const plausible = [
  'acme',
  'hour',
  'csv',
  'logout',
  '1',
  '1000',
  'Etc/GMT+12',
  'Asia/Kathmandu',
  'Etc/Unknown',
  '+14:00',
  '1970-01-01T00:00:00Z',
  '1970-01-01T23:59:59+23:59',
  '2026-02-29T00:00:00Z',
  '9999-12-31T23:59:59.999Z',
]

/** Generates requests with unusual query parameters, some of them with a valid token. */
export const createOddQueryArbitrary = (readToken: string) =>
  fc
    .tuple(
      fc.constantFrom(
        '/v1/lapses',
        '/v1/lapses',
        '/v1/summary',
        '/v1/summary',
        '/v1/sessions',
        '/dashboard/live-sessions',
        '/tag',
        '/lapse.js',
        '/metrics',
      ),
      fc.array(
        fc.tuple(fc.constantFrom(...parameters), fc.oneof(hostileText, fc.constantFrom(...plausible))),
        { maxLength: 4 },
      ),
      fc.constantFrom('', '?', '&&&=', ';', '%'),
      fc.constantFrom(
        'application/json',
        'text/csv',
        'application/x-ndjson',
        '*/*',
        'image/png',
        ';q=x',
        ',',
      ),
      fc.boolean(),
    )
    .map(([path, pairs, tail, accept, isKnown]) => {
      const query = pairs
        .map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`)
        .join('&')
      const token = isKnown ? readToken : `lapse_0123456789abcdef_${'x'.repeat(43)}`
      const headers = ['Host: x', `Accept: ${accept}`, `Authorization: Bearer ${token}`, close]
      return formatRequest(`GET ${path}?${query}${tail} HTTP/1.1`, headers)
    })
