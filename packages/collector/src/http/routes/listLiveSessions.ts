import { defaultPageSize, pageLimitSchema } from '../../reading/filter.ts'
import { liveCursorSchema, liveSessionFilterSchema, toLiveCursor } from '../../reading/liveSessionReader.ts'
import { parseQuery } from '../../reading/parseQuery.ts'
import { exampleLiveSession } from '../openapi/exampleLiveSession.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeQuery } from '../openapi/parameters.ts'
import { catchProblem, describeProblemResponses, linkHeader } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
} from '../request/authenticate.ts'
import { linkToNextPage } from '../request/linkToNextPage.ts'
import { restrictFilter } from '../request/restrictFilter.ts'
import type { Route } from '../route.ts'

const listQuerySchema = liveSessionFilterSchema.extend({
  limit: pageLimitSchema.default(defaultPageSize),
  cursor: liveCursorSchema.optional(),
})

const invalidCursor = 'another'

const operation: Operation = {
  operationId: 'listLiveSessions',
  tags: ['sessions'],
  summary: 'List live sessions',
  description:
    'Returns the live sessions, sorted by site and session key. A session whose `expiresAt` has passed is listed until the sweep records its timeout. A token for one site sees the sessions of that site only.',
  security: [{ token: ['read'] }],
  parameters: describeQuery(listQuerySchema, {
    site: { description: 'Only sessions of this site.', examples: { page: { value: 'acme' } } },
    subject: { description: 'Only sessions of this user.', examples: { page: { value: 'u_42' } } },
    limit: { description: 'The maximum number of sessions.', examples: { page: { value: 10 } } },
    cursor: {
      description: 'The `next` of the previous page. Returns the sessions after it.',
      examples: { invalidQuery: { value: invalidCursor } },
    },
  }),
  responses: {
    200: {
      description: 'The sessions.',
      headers: linkHeader,
      content: {
        'application/json': {
          schema: referToSchema('LiveSessionPage'),
          examples: { page: { value: { sessions: [exampleLiveSession], next: null } } },
        },
      },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'invalid-query', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
      invalidQuery: catchProblem(() => parseQuery(listQuerySchema, { cursor: invalidCursor })),
    }),
  },
}

/** `GET /v1/sessions`: the sessions that have not ended yet. */
export const listLiveSessions: Route = {
  method: 'get',
  path: '/v1/sessions',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    const { liveSessions } = dependencies.store
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const { limit, cursor, ...requestedFilter } = parseQuery(listQuerySchema, ctx.query)
      const filter = await restrictFilter(token, requestedFilter, dependencies)
      // One session more shows whether there is a next page.
      const found = await liveSessions.readPage(filter, { limit: limit + 1, after: cursor })
      const sessions = found.slice(0, limit)
      const last = sessions.at(-1)
      const next = found.length > limit && last ? toLiveCursor(last) : null
      if (next !== null) linkToNextPage(ctx, 'cursor', next)
      ctx.body = { sessions, next }
    }
  },
}
