import { defaultPageSize } from '../../reading/filter.ts'
import { formats } from '../../reading/formats/formats.ts'
import { listQuerySchema, parseListQuery } from '../../reading/listQuery.ts'
import { defaultSort } from '../../reading/sort.ts'
import { answerFeedPage, defaultFeedPageSize } from '../export/answerFeedPage.ts'
import { answerPage } from '../export/answerPage.ts'
import { exportSessionEnds } from '../export/exportSessionEnds.ts'
import { createExportSlots, maxExportsPerToken } from '../export/exportSlots.ts'
import { exampleSessionEnd } from '../openapi/exampleSessionEnd.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeQuery, filterDescriptions } from '../openapi/parameters.ts'
import { catchProblem, describeProblemResponses, exportHeaders, linkHeader } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
} from '../request/authenticate.ts'
import { chooseFormat } from '../request/chooseFormat.ts'
import { restrictFilter } from '../request/restrictFilter.ts'
import type { Route } from '../route.ts'

const invalidCursor = 'another'

const operation: Operation = {
  operationId: 'listSessionEnds',
  tags: ['lapses'],
  summary: 'List rows, newest first',
  description: `Returns one page as JSON. Without a \`limit\`, all other formats stream all rows; a token can run ${maxExportsPerToken} such exports at a time. A token for one site sees the rows of that site only. An unknown site is an error. An empty page says in \`emptyBecause\` which filters were active, and when the site last had a row. The header \`Lapse-Export\` of a CSV or NDJSON response says what it contains. A row that corrects another one has its id in \`supersedes\`. If both have the same evidence, \`needsReview\` is true.`,
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
        'Only session ends that were detected at this time or later. A time needs a UTC offset or `Z`. A date means midnight in `timeZone`.',
      examples: { page: { value: '2026-01-01T00:00:00Z' } },
    },
    to: { description: 'Only session ends that were detected before this time.' },
    timeZone: { description: 'The time zone of dates, also of those in names of files, by its IANA name.' },
    sort: {
      description: `The order, descending with a \`-\`. The default is \`${defaultSort}\`. Null is the lowest value.`,
      examples: { page: { value: '-receivedAt' } },
    },
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
      description: `Reads the feed instead: the rows after this position, in the order in which they were committed, superseded ones included. Start with \`beginning\` or \`latest\`, then pass the \`next\` of the previous page. Rows that match are returned, and corrections of rows that match. \`next\` is always a position; if it is equal to \`after\`, there are no more rows yet. The default \`limit\` is ${defaultFeedPageSize} in all formats. Cannot be combined with \`cursor\`, \`sort\`, \`count\`, \`download\` or \`revisions\`. \`search\` cannot contain the flags \`superseded\`, \`burst\` and \`review\`.`,
    },
    count: {
      description:
        'With `true`, the response has the number of all rows that match in `total`, or null if counting them takes longer than 2 seconds. An export has it in the header `Lapse-Export`.',
    },
    download: {
      description:
        'With `true`, browsers save the response as a file, whose name has the site and the time span, such as `lapse-acme-2026-10.csv`.',
    },
    format: {
      description:
        'Overrides the `Accept` header. `ecs`, `ocsf` and `owasp` are NDJSON, or JSON if `Accept` prefers it.',
    },
  }),
  responses: {
    200: {
      description: 'The rows.',
      headers: { ...linkHeader, ...exportHeaders },
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
        invalidQuery: catchProblem(() => parseListQuery({ cursor: invalidCursor })),
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
      const parameters = parseListQuery(ctx.query)
      const { limit, after } = parameters
      const selection = await restrictFilter(reader.token, parameters.selection, dependencies)
      const choice = chooseFormat(ctx, parameters.requestedFormat)
      ctx.vary('Accept')
      const { format, isJson } = choice
      const query = { ...parameters, selection }
      if (after !== undefined)
        await answerFeedPage(ctx, { feed, selection, after, limit, format: formats[format], isJson })
      else if (isJson || limit !== undefined)
        await answerPage(ctx, { query, sessionEnds, tokenId: reader.token.id, ...choice })
      else await exportSessionEnds(ctx, { query, reader, sessionEnds, slots, ...choice })
    }
  },
}
