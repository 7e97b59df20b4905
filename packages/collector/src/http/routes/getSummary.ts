import { createSummary } from '../../reading/createSummary.ts'
import { maxBuckets, maxGroups, parseSummaryQuery, summaryQuerySchema } from '../../reading/summaryQuery.ts'
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

const exampleStart = Date.parse('2026-01-02T00:00:00.000Z')

function createExample() {
  const query = parseSummaryQuery(
    { from: '2025-12-04T00:00:00Z', to: '2026-01-02T12:00:00Z', groupBy: 'subject' },
    Date.parse('2026-01-02T12:00:00Z'),
  )
  const tally = new Tally(query.period.starts)
  tally.add(exampleStart, { site: 'acme', reason: 'idle_timeout', evidence: 'signed' }, 1)
  tally.addPastLimit('acme', 1800, 1)
  const current = { tally, siteTally: tally, needReview: 0 }
  const groups = [{ key: 'u_42', counts: { idle_timeout: 1 }, count: 1 }]
  const counts = { current, previous: undefined, groups, flags: undefined }
  return createSummary(query, counts, () => 1800)
}

const unknownTimeZone = 'Mars/Olympus'

const operation: Operation = {
  operationId: 'getSummary',
  tags: ['lapses'],
  summary: 'Count session ends by time and reason',
  description: `Counts current rows by the time at which the end of the session was detected, and shows how long after the idle timeout users came back, according to reports from browsers. Rows of \`lapse selftest\` are not counted. At most ${maxBuckets.toLocaleString('en')} buckets.`,
  security: [{ token: ['read'] }],
  parameters: describeQuery(summaryQuerySchema, {
    bucket: {
      description: 'The length of a bucket. A day has 23 to 25 hours. A week starts on Monday.',
    },
    timeZone: {
      description: 'The time zone of the hours, days, weeks and months, by its IANA name.',
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
        'Only session ends that were detected at this time or later. A date means midnight in `timeZone`. By default, 2 days before `to` for hours, 30 days for days, 26 weeks for weeks, and 365 days for months, from the start of a bucket.',
    },
    to: { description: 'Only session ends that were detected before this time. By default, now.' },
    groupBy: {
      description: 'Adds `groups`: the rows counted by this property, biggest group first.',
      examples: { summary: { value: 'subject' } },
    },
    top: { description: `The maximum number of groups, up to ${maxGroups}.` },
    compare: {
      description:
        'Adds `previous`: the period of the same length before this one. A period that starts with a day, a week, a month, a quarter or a year, and does not reach beyond its end, is compared with the same part of the one before.',
    },
    flags: { description: 'Whether to add `flags`: the number of rows with each flag.' },
    review: {
      description:
        'Whether to count the rows that need review. If `false`, `needReview` is null, and a summary of one reason, user or search in a large table is faster.',
    },
  }),
  responses: {
    200: {
      description: 'The counts.',
      content: {
        'application/json': {
          schema: referToSchema('Summary'),
          examples: { summary: { value: createExample() } },
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

/** `GET /v1/summary`: counts of session ends by time, reason and other properties. */
export const getSummary: Route = {
  method: 'get',
  path: '/v1/summary',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const query = parseSummaryQuery(ctx.query, Date.now())
      const filter = await restrictFilter(token, query.filter, dependencies)
      const counts = await dependencies.store.summaries.summarize({ ...query, filter })
      const { sites } = dependencies.settings
      ctx.body = createSummary(query, counts, (site) => sites[site]?.idleTimeoutSeconds ?? null)
    }
  },
}
