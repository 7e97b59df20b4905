import { z } from 'zod'
import { maxExportsPerToken } from '../routes/exportSlots.ts'
import { listQuerySchema } from '../routes/listSessionEnds.ts'
import { problemResponses } from './responses.ts'
import { schemaRef } from './schemas.ts'

const row = {
  id: 1,
  site: 'acme',
  sessionKey: 'a1f',
  marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  session: 'a1f',
  subject: 'u_42',
  reason: 'idle_timeout',
  evidence: 'self_reported',
  detectedBy: 'login_page',
  startedAt: '2026-01-02T08:00:00.000Z',
  lastAccessAt: '2026-01-02T09:00:00.000Z',
  expiredAt: '2026-01-02T09:30:00.000Z',
  detectedAt: '2026-01-02T10:00:00.000Z',
  receivedAt: '2026-01-02T10:00:00.000Z',
  elapsedMs: 3600000,
  idleTimeoutSeconds: 1800,
  absoluteTimeoutSeconds: null,
  clockSkewMs: 0,
  browserRestarted: false,
  origin: 'https://app.acme.com',
  ip: '127.0.0.0',
  userAgent: 'Mozilla/5.0',
  clientVersion: '0.1.0',
}

export const tokenRefused = {
  tokenRefused: { detail: 'Send a token with the scope "read": lapse token create.' },
}
export const forbidden = {
  forbidden: { detail: 'This needs a token with the scope "read": lapse token create.' },
}

type Parameter = { readonly description: string; readonly examples?: Readonly<Record<string, object>> }

/** The parameters of a query, with the schemas by which they are checked. */
export function queryParameters<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  parameters: Readonly<Record<keyof Shape & string, Parameter>>,
): object[] {
  const { properties } = z.toJSONSchema(schema, { io: 'input' })
  return Object.entries<Parameter>(parameters).map(([name, parameter]) => ({
    name,
    in: 'query',
    schema: properties?.[name] ?? {},
    ...parameter,
  }))
}

export const onlyRows = (what: string) => ({ description: `Only rows ${what}.` })

/** `GET /v1/lapses`. */
export const listLapses = {
  operationId: 'listLapses',
  tags: ['lapses'],
  summary: 'List the rows, newest first',
  description: `A page of them as JSON; in any other format without a \`limit\`, all of them as a stream, of which a token may have ${maxExportsPerToken} running. A token of one site sees that site only.`,
  security: [{ token: ['read'] }],
  parameters: queryParameters(listQuerySchema, {
    site: { ...onlyRows('of this site'), examples: { page: { value: 'acme' } } },
    subject: { ...onlyRows('of this user'), examples: { page: { value: 'u_42' } } },
    session: onlyRows('of this session alias'),
    reason: { ...onlyRows('with this reason'), examples: { page: { value: 'idle_timeout' } } },
    evidence: onlyRows('with this evidence'),
    from: { ...onlyRows('detected then or later'), examples: { page: { value: '2026-01-01T00:00:00Z' } } },
    to: onlyRows('detected before'),
    limit: {
      description: 'At most so many rows. 50 in JSON, unless given.',
      examples: { page: { value: 10 } },
    },
    cursor: {
      description: 'The `next` of the answer before: the rows behind it.',
      examples: { invalidQuery: { value: 'another' } },
    },
    format: {
      description:
        'Comes before what `Accept` says. `ecs`, `ocsf` and `owasp` are NDJSON, or JSON where `Accept` names it.',
    },
  }),
  responses: {
    200: {
      description: 'The rows.',
      headers: { Link: { schema: { type: 'string' }, description: 'The next page (RFC 8288).' } },
      content: {
        'application/json': {
          schema: schemaRef('LapsePage'),
          examples: { page: { value: { lapses: [row], next: null } } },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    },
    ...problemResponses({
      'token-refused': tokenRefused,
      forbidden,
      'not-acceptable': {},
      'invalid-query': {
        invalidQuery: {
          detail: 'Correct these parameters: cursor.',
          errors: [{ parameter: 'cursor', detail: 'must be the `next` of an earlier response' }],
        },
      },
      'too-many-requests': {},
      unavailable: {},
    }),
  },
}

/** `GET /v1/lapses/{id}`. */
export const getLapseOperation = {
  operationId: 'getSessionEnd',
  tags: ['lapses'],
  summary: 'One row',
  security: [{ token: ['read'] }],
  parameters: [
    {
      name: 'id',
      in: 'path',
      required: true,
      description: 'The `id` of the row.',
      schema: { type: 'integer', minimum: 1 },
      examples: {
        one: { value: 1 },
        notFound: { value: 404 },
        tokenRefused: { value: 1 },
        forbidden: { value: 1 },
      },
    },
  ],
  responses: {
    200: {
      description: 'The row.',
      content: { 'application/json': { schema: schemaRef('Lapse'), examples: { one: { value: row } } } },
    },
    ...problemResponses({
      'token-refused': tokenRefused,
      forbidden,
      'not-found': { notFound: { detail: 'There is no row of this id. See GET /v1/lapses.' } },
      unavailable: {},
    }),
  },
}
