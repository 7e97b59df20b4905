import { problemResponses } from './responses.ts'
import { schemaRef } from './schemas.ts'

// Recent, so that whoever sends the example as it is reports a session of today.
const now = Math.floor(Date.now() / 1000) * 1000

const event = {
  site: 'acme',
  marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  startedAt: now - 7_200_000,
  lastAccessAt: now - 3_600_000,
  detectedAt: now,
  sentAt: now,
  session: 'a1f',
  subject: 'u_42',
  detectedBy: 'login_page',
  browserRestarted: false,
  client: '0.1.0',
}
const fromServer = { site: 'acme', session: 'b2e', subject: 'u_7', detectedBy: 'server', reason: 'revoked' }
const recorded = {
  id: 1,
  reason: 'idle_timeout',
  elapsedMs: 3600000,
  idleTimeoutSeconds: 1800,
  duplicate: false,
}
// Signed by nobody.
const ticket = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImxhcHNlK2p3dCJ9.e30.AAAA'

const eventSchema = {
  oneOf: [schemaRef('BrowserEvent'), schemaRef('ServerEvent')],
  discriminator: {
    propertyName: 'detectedBy',
    mapping: {
      login_page: schemaRef('BrowserEvent').$ref,
      new_session: schemaRef('BrowserEvent').$ref,
      logout: schemaRef('BrowserEvent').$ref,
      server: schemaRef('ServerEvent').$ref,
    },
  },
}

const recordedContent = (examples: Readonly<Record<string, object>>) => ({
  content: { 'application/json': { schema: schemaRef('RecordedVerdict'), examples } },
})

/** `POST /v1/lapses`. An example of a request and that of its answer have the same name. */
export const reportLapse = {
  operationId: 'reportLapse',
  tags: ['lapses'],
  summary: 'Report that a session ended',
  description:
    'Judges why the session ended and writes one row. The answer is given after the commit. A session ends once: a repeat is answered with what is stored. Pages send an `Origin`, which must be one of the site\'s; servers send a token with the scope `write` and `detectedBy: "server"`.',
  security: [{}, { token: ['write'] }],
  parameters: [
    {
      name: 'Origin',
      in: 'header',
      description: 'The origin of the page. Browsers set it.',
      schema: { type: 'string' },
      examples: {
        idleTimeout: { value: 'https://app.acme.com' },
        originRefused: { value: 'https://other.example' },
      },
    },
  ],
  requestBody: {
    required: true,
    description: 'At most 8 KiB.',
    content: {
      'application/json': {
        schema: eventSchema,
        examples: {
          idleTimeout: { summary: 'Noticed on the login page', value: event },
          duplicate: { summary: 'The same again', value: event },
          fromServer: { summary: 'Revoked by an administrator', value: fromServer },
          ticketRefused: { value: { ...event, ticket } },
          tokenRefused: { summary: 'A server without its token', value: fromServer },
          originRefused: { value: event },
          unknownSite: { value: { ...event, site: 'other' } },
        },
      },
      // What a page may send to another origin without a preflight.
      'text/plain': {
        schema: { type: 'string', contentMediaType: 'application/json', contentSchema: eventSchema },
        examples: {
          notJson: { value: '{"site":' },
          invalidEvent: { value: JSON.stringify({ ...event, subject: true }) },
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The session had its row already.',
      ...recordedContent({ duplicate: { value: { ...recorded, duplicate: true } } }),
    },
    201: {
      description: 'The row is committed.',
      ...recordedContent({
        idleTimeout: { value: recorded },
        fromServer: { value: { ...recorded, id: 2, reason: 'revoked', elapsedMs: null } },
      }),
    },
    ...problemResponses({
      'not-json': { notJson: { detail: 'Send the event as a JSON object in UTF-8.' } },
      'ticket-refused': {
        ticketRefused: {
          detail:
            'The ticket was refused: its signature matches no key of the site "acme". Sign in again, or check the site\'s ticketKeys.',
        },
      },
      'token-refused': {
        tokenRefused: { detail: 'A server sends a token with the scope "write": lapse token create.' },
      },
      'origin-refused': {
        originRefused: { detail: 'Add https://other.example to the origins of the site "acme".' },
      },
      forbidden: {},
      'unknown-site': {
        unknownSite: { detail: 'This collector has no site "other". Add it to "sites".' },
      },
      'body-too-large': {},
      'unsupported-media-type': {},
      'invalid-event': {
        invalidEvent: {
          detail: 'Correct these fields and send the report again: subject.',
          errors: [{ pointer: '#/subject', detail: 'must be a string or an integer' }],
        },
      },
      'too-many-requests': {},
      unavailable: {},
    }),
  },
}
