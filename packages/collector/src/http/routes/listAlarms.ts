import { z } from 'zod'
import { parseQuery } from '../../reading/parseQuery.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
} from '../request/authenticate.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'listAlarms',
  tags: ['operations'],
  summary: 'List alarms',
  description:
    'Lists what needs attention now: silent sites, reasons or evidence that are unusually frequent, and refused reports. With a token for one site, the list has the alarms of that site only.',
  security: [{ token: ['read'] }],
  responses: {
    200: {
      description: 'The alarms.',
      content: { 'application/json': { schema: referToSchema('AlarmList') } },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'invalid-query', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
    }),
  },
}

/** `GET /v1/alarms`: what needs attention now. */
export const listAlarms: Route = {
  method: 'get',
  path: '/v1/alarms',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      parseQuery(z.strictObject({}), ctx.query)
      const { alarms, takenAt } = await dependencies.siteMonitor.read()
      ctx.body = {
        alarms: alarms.filter(({ site }) => token.site === null || site === token.site),
        generatedAt: new Date(takenAt),
      }
    }
  },
}
