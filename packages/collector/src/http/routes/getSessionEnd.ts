import { LapseError } from '../../domain/errors.ts'
import { exampleSessionEnd } from '../openapi/exampleSessionEnd.ts'
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
  operationId: 'getSessionEnd',
  tags: ['lapses'],
  summary: 'Get one row with its earlier revisions',
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
      content: {
        'application/json': {
          schema: referToSchema('SessionEndHistory'),
          examples: { one: { value: { ...exampleSessionEnd, earlierRevisions: [] } } },
        },
      },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'not-found', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
      notFound: createRowNotFoundError(),
    }),
  },
}

/** `GET /v1/lapses/:id`: one row, and the rows that it corrects. */
export const getSessionEnd: Route = {
  method: 'get',
  path: '/v1/lapses/:id',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const id = /^\d{1,15}$/.test(ctx.params.id) ? Number(ctx.params.id) : undefined
      const row = id === undefined ? undefined : await dependencies.store.sessionEnds.find(id)
      // A token that is limited to a site does not learn which rows other sites have.
      if (!row || (token.site !== null && token.site !== row.site)) throw createRowNotFoundError()
      ctx.body = row
    }
  },
}

function createRowNotFoundError(): LapseError {
  return new LapseError('not-found', 'There is no row with this id. GET /v1/lapses lists the rows.')
}
