import { z } from 'zod'
import { cursorSchema, formatCursor } from '../../reading/cursor.ts'
import { feedStartSchema } from '../../reading/feed.ts'
import { defaultPageSize, pageLimitSchema, sessionEndSelectionSchema } from '../../reading/filter.ts'
import { formatNames, formats } from '../../reading/formats/formats.ts'
import { parseQuery } from '../../reading/parseQuery.ts'
import { answerFeedPage, defaultFeedPageSize } from '../export/answerFeedPage.ts'
import { exportSessionEnds } from '../export/exportSessionEnds.ts'
import { createExportSlots, maxExportsPerToken } from '../export/exportSlots.ts'
import { exampleSessionEnd } from '../openapi/exampleSessionEnd.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeQuery, filterDescriptions } from '../openapi/parameters.ts'
import { catchProblem, describeProblemResponses, linkHeader } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
  restrictToSite,
} from '../request/authenticate.ts'
import { chooseFormat } from '../request/chooseFormat.ts'
import { linkToNextPage } from '../request/linkToNextPage.ts'
import type { Route } from '../route.ts'

const listQuerySchema = sessionEndSelectionSchema.safeExtend({
  limit: pageLimitSchema.optional(),
  cursor: cursorSchema.optional(),
  after: feedStartSchema.optional(),
  format: z.enum(['json', ...formatNames]).optional(),
})

const invalidCursor = 'another'

const operation: Operation = {
  operationId: 'listSessionEnds',
  tags: ['lapses'],
  summary: 'List rows, newest first',
  description: `Returns one page as JSON. Without a \`limit\`, all other formats stream all rows; a token can run ${maxExportsPerToken} such exports at a time. A token for one site sees the rows of that site only. A row that corrects another one has its id in \`supersedes\`. If both have the same evidence, \`needsReview\` is true.`,
  security: [{ token: ['read'] }],
  parameters: describeQuery(listQuerySchema, {
    site: { description: filterDescriptions.site, examples: { page: { value: 'acme' } } },
    subject: { description: filterDescriptions.subject, examples: { page: { value: 'u_42' } } },
    session: { description: filterDescriptions.session },
    reason: { description: filterDescriptions.reason, examples: { page: { value: 'idle_timeout' } } },
    evidence: { description: filterDescriptions.evidence },
    search: { description: filterDescriptions.search, examples: { page: { value: '-reason:logout' } } },
    from: {
      description:
        'Only session ends that were detected at this time or later. A time needs a UTC offset or `Z`. A date means midnight UTC.',
      examples: { page: { value: '2026-01-01T00:00:00Z' } },
    },
    to: { description: 'Only session ends that were detected before this time.' },
    revisions: {
      description:
        'With `all`, also the rows that were corrected by others. They name the row that corrects them in `supersededBy`. Filters apply to each row by itself: an earlier row of a session may not have its alias yet. `GET /v1/lapses/:id` lists all earlier rows.',
    },
    selftests: { description: 'With `include`, also the rows of `lapse selftest`.' },
    limit: {
      description: `The maximum number of rows. The default in JSON is ${defaultPageSize}.`,
      examples: { page: { value: 10 } },
    },
    cursor: {
      description: 'The `next` of the previous page. Returns the rows after it.',
      examples: { invalidQuery: { value: invalidCursor } },
    },
    after: {
      description: `Reads the feed instead: the rows after this position, in the order in which they were committed, superseded ones included. Start with \`beginning\` or \`latest\`, then pass the \`next\` of the previous page. Rows that match are returned, and corrections of rows that match. \`next\` is always a position; if it is equal to \`after\`, there are no more rows yet. The default \`limit\` is ${defaultFeedPageSize} in all formats. Cannot be combined with \`cursor\` and \`revisions\`.`,
    },
    format: {
      description:
        'Overrides the `Accept` header. `ecs`, `ocsf` and `owasp` are NDJSON, or JSON if `Accept` prefers it.',
    },
  }),
  responses: {
    200: {
      description: 'The rows.',
      headers: linkHeader,
      content: {
        'application/json': {
          schema: referToSchema('SessionEndPage'),
          examples: { page: { value: { lapses: [exampleSessionEnd], next: null } } },
        },
        'application/x-ndjson': { schema: { type: 'string' } },
        'text/csv': { schema: { type: 'string' } },
      },
    },
    ...describeProblemResponses(
      [
        'token-refused',
        'forbidden',
        'not-acceptable',
        'position-unknown',
        'invalid-query',
        'too-many-requests',
        'unavailable',
      ],
      {
        tokenRefused: createMissingTokenError('read'),
        forbidden: createWrongScopeError('read'),
        invalidQuery: catchProblem(() => parseQuery(listQuerySchema, { cursor: invalidCursor })),
      },
    ),
  },
}

/** `GET /v1/lapses`: the rows that match a filter, newest first, as a page or as a stream of all rows. */
export const listSessionEnds: Route = {
  method: 'get',
  path: '/v1/lapses',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    const { sessionEnds, feed } = dependencies.store
    const slots = createExportSlots()
    return async (ctx) => {
      const reader = await authenticateReader(ctx, dependencies)
      const {
        limit,
        cursor,
        after,
        format: requested,
        ...requestedSelection
      } = parseQuery(listQuerySchema, ctx.query)
      const selection = restrictToSite(reader.token, requestedSelection)
      const { format, isJson } = chooseFormat(ctx, requested)
      ctx.vary('Accept')

      if (after !== undefined) {
        await answerFeedPage(ctx, { feed, selection, after, limit, format: formats[format], isJson })
        return
      }
      const { mediaType, head, write } = formats[format]
      if (!isJson && limit === undefined) {
        const source = { selection, after: cursor, format: formats[format] }
        await exportSessionEnds(ctx, { reader, sessionEnds, slots, ...source })
        return
      }
      const page = await sessionEnds.readPage(selection, { limit: limit ?? defaultPageSize, after: cursor })
      const { rows } = page
      const next = page.next ? formatCursor(page.next) : null
      if (next !== null) linkToNextPage(ctx, 'cursor', next)
      if (isJson) {
        const lapses = rows.map((row) => write([row]).trimEnd())
        ctx.type = 'application/json'
        ctx.body = `{"lapses":[${lapses.join()}],"next":${JSON.stringify(next)}}`
      } else {
        ctx.type = mediaType
        ctx.body = head + write(rows)
      }
    }
  },
}
