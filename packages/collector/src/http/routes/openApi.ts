import { createOpenApiDocument } from '../openapi/document.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'getOpenApi',
  tags: ['operations'],
  summary: 'Get the OpenAPI document',
  security: [],
  responses: {
    200: { description: 'OpenAPI 3.1.', content: { 'application/json': { schema: { type: 'object' } } } },
    ...describeProblemResponses(),
  },
}

/** `GET /openapi.json`: the documentation of the other routes and of itself. */
export function createOpenApiRoute(others: readonly Route[]): Route {
  const route: Route = {
    method: 'get',
    path: '/openapi.json',
    operation,
    cacheControl: 'no-cache',
    handler() {
      const document = JSON.stringify(createOpenApiDocument([...others, route]))
      return (ctx) => {
        ctx.type = 'json'
        ctx.body = document
      }
    },
  }
  return route
}
