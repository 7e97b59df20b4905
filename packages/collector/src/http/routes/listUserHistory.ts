import { parseQuery } from '../../reading/parseQuery.ts'
import { formatHistoryCursor, historyQuerySchema } from '../../reading/userHistory.ts'
import { exampleHistory } from '../openapi/exampleHistory.ts'
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

const subjectExamples = {
  history: { value: 'u_42' },
  tokenRefused: { value: 'u_42' },
  forbidden: { value: 'u_42' },
}

const operation: Operation = {
  operationId: 'listUserHistory',
  tags: ['sessions'],
  summary: "List a user's sessions",
  description:
    'Returns the sessions of one user, those that have ended and those that are live, the newest start first. A session whose start is unknown is sorted by its last access. A token for one site sees the sessions of that site only.',
  security: [{ token: ['read'] }],
  parameters: describeQuery(historyQuerySchema, {
    subject: { description: 'The user.', examples: subjectExamples },
    site: { description: 'Only sessions of this site.' },
    limit: { description: 'The maximum number of sessions.' },
    cursor: { description: 'The `next` of the previous page. Returns the sessions after it.' },
  }),
  responses: {
    200: {
      description: 'The sessions.',
      headers: linkHeader,
      content: {
        'application/json': {
          schema: referToSchema('UserHistoryPage'),
          examples: { history: { value: { sessions: exampleHistory, next: null } } },
        },
      },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'invalid-query', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
      invalidQuery: catchProblem(() => parseQuery(historyQuerySchema, {})),
    }),
  },
}

/** `GET /v1/history`: the sessions of a user, which have ended or are live. */
export const listUserHistory: Route = {
  method: 'get',
  path: '/v1/history',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    const { history } = dependencies.store
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const { limit, cursor, ...requestedFilter } = parseQuery(historyQuerySchema, ctx.query)
      const filter = await restrictFilter(token, requestedFilter, dependencies)
      const page = await history.readPage(filter, { limit, after: cursor })
      const next = page.next ? formatHistoryCursor(page.next) : null
      if (next !== null) linkToNextPage(ctx, 'cursor', next)
      ctx.body = { sessions: page.sessions, next }
    }
  },
}
