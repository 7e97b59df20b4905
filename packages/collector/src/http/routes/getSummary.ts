import { toPastLimit } from '../../reading/pastLimit.ts'
import { maxBuckets, parseSummaryQuery, summaryQuerySchema } from '../../reading/summaryQuery.ts'
import { Tally } from '../../reading/tally.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeQuery, filterDescriptions } from '../openapi/parameters.ts'
import { catchProblem, describeProblemResponses } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import {
  authenticateReader,
  createMissingTokenError,
  createWrongScopeError,
} from '../request/authenticate.ts'
import { restrictFilter } from '../request/restrictFilter.ts'
import type { Route } from '../route.ts'

const exampleSummary = {
  bucket: 'day',
  timeZone: 'UTC',
  from: '2025-12-04T00:00:00.000Z',
  to: '2026-01-02T12:00:00.000Z',
  buckets: [{ start: '2026-01-02T00:00:00.000Z', counts: { idle_timeout: 1 } }],
  pastLimit: toPastLimit(new Map([[1800, 1]])),
}
const unknownTimeZone = 'Mars/Olympus'

const operation: Operation = {
  operationId: 'getSummary',
  tags: ['lapses'],
  summary: 'Count session ends by time and reason',
  description: `Counts current rows by the time at which the end of the session was detected, and shows how long after the idle timeout users came back, according to reports from browsers. Rows of \`lapse selftest\` are not counted. At most ${maxBuckets.toLocaleString('en')} buckets.`,
  security: [{ token: ['read'] }],
  parameters: describeQuery(summaryQuerySchema, {
    bucket: { description: 'The length of a bucket. A day has 23 to 25 hours.' },
    timeZone: {
      description: 'The time zone of the hours and days, by its IANA name.',
      examples: { invalidQuery: { value: unknownTimeZone } },
    },
    site: { description: filterDescriptions.site },
    subject: { description: filterDescriptions.subject },
    session: { description: filterDescriptions.session },
    reason: { description: filterDescriptions.reason, examples: { summary: { value: 'idle_timeout' } } },
    evidence: { description: filterDescriptions.evidence },
    search: { description: filterDescriptions.search },
    from: {
      description:
        'Only session ends that were detected at this time or later. A date means midnight in `timeZone`. By default, 30 days before `to` for days, and 2 days for hours.',
    },
    to: { description: 'Only session ends that were detected before this time. By default, now.' },
  }),
  responses: {
    200: {
      description: 'The counts.',
      content: {
        'application/json': {
          schema: referToSchema('Summary'),
          examples: { summary: { value: exampleSummary } },
        },
      },
    },
    ...describeProblemResponses(['token-refused', 'forbidden', 'invalid-query', 'unavailable'], {
      tokenRefused: createMissingTokenError('read'),
      forbidden: createWrongScopeError('read'),
      invalidQuery: catchProblem(() => parseSummaryQuery({ timeZone: unknownTimeZone }, Date.now())),
    }),
  },
}

/** `GET /v1/summary`: counts of session ends by hour or day. */
export const getSummary: Route = {
  method: 'get',
  path: '/v1/summary',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const { bucket, timeZone, filter, starts } = parseSummaryQuery(ctx.query, Date.now())
      const tally = new Tally(starts)
      const restricted = await restrictFilter(token, filter, dependencies)
      await dependencies.store.summaries.summarize(restricted, tally)
      ctx.body = {
        bucket,
        timeZone,
        from: filter.from,
        to: filter.to,
        buckets: tally.buckets.map(({ start, counts }) => ({ start: new Date(start), counts })),
        pastLimit: toPastLimit(tally.pastLimit),
      }
    }
  },
}
