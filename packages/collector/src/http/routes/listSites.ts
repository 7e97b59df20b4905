import { parseQuery } from '../../reading/parseQuery.ts'
import { describeSites, siteStatusQuerySchema } from '../../reading/siteStatus.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeQuery } from '../openapi/parameters.ts'
import { catchProblem, describeProblemResponses } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
} from '../request/authenticate.ts'
import type { Route } from '../route.ts'

const unknownTimeZone = 'Mars/Olympus'

const operation: Operation = {
  operationId: 'listSites',
  tags: ['operations'],
  summary: 'Show whether each site is still reporting',
  description:
    'Lists the configured sites with their newest row, their live sessions, and how many sessions have ended today. With a token for one site, the list has that site only.',
  security: [{ token: ['read'] }],
  parameters: describeQuery(siteStatusQuerySchema, {
    timeZone: {
      description: 'The time zone in which the day begins, by its IANA name.',
      examples: { invalidQuery: { value: unknownTimeZone } },
    },
  }),
  responses: {
    200: {
      description: 'The sites.',
      content: { 'application/json': { schema: referToSchema('SiteStatusList') } },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'invalid-query', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
      invalidQuery: catchProblem(() => parseQuery(siteStatusQuerySchema, { timeZone: unknownTimeZone })),
    }),
  },
}

/** `GET /v1/sites`: whether each site is still reporting. */
export const listSites: Route = {
  method: 'get',
  path: '/v1/sites',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const { timeZone } = parseQuery(siteStatusQuerySchema, ctx.query)
      const snapshot = await dependencies.siteMonitor.read()
      ctx.body = {
        sites: describeSites(snapshot, timeZone).filter(
          ({ site }) => token.site === null || site === token.site,
        ),
        generatedAt: new Date(snapshot.takenAt),
      }
    }
  },
}
