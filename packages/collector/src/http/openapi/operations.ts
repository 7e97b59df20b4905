import { problemResponses } from './responses.ts'

const text = (mediaType: string) => ({ content: { [mediaType]: { schema: { type: 'string' } } } })

const status = (value: string) => ({
  content: {
    'application/json': {
      schema: { type: 'object', required: ['status'], properties: { status: { const: value } } },
      examples: { [value]: { value: { status: value } } },
    },
  },
})

/** What operators and pages ask for. */
export const operationPaths = {
  '/lapse.js': {
    get: {
      operationId: 'getClient',
      tags: ['client'],
      summary: 'The client for script tags',
      security: [],
      parameters: [
        {
          name: 'v',
          in: 'query',
          description: 'Its version. With it, the answer may be kept for good; else for a day.',
          schema: { type: 'string' },
        },
        {
          name: 'If-None-Match',
          in: 'header',
          description: 'The `ETag` of what is there already.',
          schema: { type: 'string' },
        },
      ],
      responses: {
        200: {
          description: 'The script.',
          headers: { ETag: { schema: { type: 'string' }, description: 'The hash of the script.' } },
          ...text('text/javascript'),
        },
        304: { description: 'What is there already is good.' },
        ...problemResponses(),
      },
    },
  },
  '/': {
    get: {
      operationId: 'getDashboard',
      tags: ['operations'],
      summary: 'The dashboard, where a person reads the audit',
      description: 'Anyone may load the page. It shows rows to who signs in there with a token to read.',
      security: [],
      responses: {
        200: { description: 'A page.', ...text('text/html') },
        ...problemResponses(),
      },
    },
  },
  '/tag': {
    get: {
      operationId: 'getTag',
      tags: ['client'],
      summary: 'The script tags to copy, with the hash of the client',
      security: [],
      parameters: [
        {
          name: 'site',
          in: 'query',
          description: 'Fills in the site.',
          schema: { type: 'string' },
          examples: { unknownSite: { value: 'other' } },
        },
      ],
      responses: {
        200: { description: 'A page.', ...text('text/html') },
        ...problemResponses({
          'unknown-site': {
            unknownSite: { detail: 'This collector has no such site. Add it to "sites".' },
          },
        }),
      },
    },
  },
  '/healthz': {
    get: {
      operationId: 'getHealth',
      tags: ['operations'],
      summary: 'The process runs',
      security: [],
      responses: { 200: { description: 'It does.', ...status('ok') }, ...problemResponses() },
    },
  },
  '/readyz': {
    get: {
      operationId: 'getReadiness',
      tags: ['operations'],
      summary: 'Events can be recorded',
      description: 'Fails while the database is away or unmigrated, and while the collector is stopping.',
      security: [],
      responses: {
        200: { description: 'They can.', ...status('ready') },
        ...problemResponses({ unavailable: {} }),
      },
    },
  },
  '/metrics': {
    get: {
      operationId: 'getMetrics',
      tags: ['operations'],
      summary: 'Prometheus metrics',
      description:
        'For this machine (by a `Host` that names it, not through a proxy that hides the client, and not for pages), or with a token of the scope `read`. A token of one site sees no samples that name another site.',
      security: [{}, { token: ['read'] }],
      responses: {
        200: { description: 'The metrics.', ...text('text/plain') },
        ...problemResponses({ 'token-refused': {}, forbidden: {}, unavailable: {} }),
      },
    },
  },
  '/openapi.json': {
    get: {
      operationId: 'getOpenApi',
      tags: ['operations'],
      summary: 'This document',
      security: [],
      responses: {
        200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
        ...problemResponses(),
      },
    },
  },
}
