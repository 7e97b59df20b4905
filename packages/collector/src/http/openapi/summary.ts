import { toPastLimit } from '../../reading/pastLimit.ts'
import { summaryQuerySchema } from '../../reading/summaryQuery.ts'
import { forbidden, onlyRows, queryParameters, tokenRefused } from './reading.ts'
import { problemResponses } from './responses.ts'
import { schemaRef } from './schemas.ts'

const summary = {
  bucket: 'day',
  timeZone: 'UTC',
  from: '2025-12-04T00:00:00.000Z',
  to: '2026-01-02T12:00:00.000Z',
  buckets: [{ start: '2026-01-02T00:00:00.000Z', counts: { idle_timeout: 1 } }],
  pastLimit: toPastLimit(new Map([[1800, 1]])),
}

/** `GET /v1/summary`. */
export const getSummaryOperation = {
  operationId: 'getSummary',
  tags: ['lapses'],
  summary: 'Count lapses by time and reason',
  description:
    'By the time of their detection, and how late people came back after an idle timeout. What a self-test wrote is not counted. At most 2,000 buckets.',
  security: [{ token: ['read'] }],
  parameters: queryParameters(summaryQuerySchema, {
    bucket: { description: 'What is counted by. A day has 23 to 25 hours.' },
    timeZone: {
      description: 'The IANA name of the zone whose hours and days they are.',
      examples: { invalidQuery: { value: 'Mars/Olympus' } },
    },
    site: onlyRows('of this site'),
    subject: onlyRows('of this user'),
    session: onlyRows('of this session alias'),
    reason: { ...onlyRows('with this reason'), examples: { summary: { value: 'idle_timeout' } } },
    evidence: onlyRows('with this evidence'),
    from: onlyRows('detected then or later; by default 30 days before the end, or 2 by the hour'),
    to: onlyRows('detected before; by default now'),
  }),
  responses: {
    200: {
      description: 'The counts.',
      content: {
        'application/json': { schema: schemaRef('Summary'), examples: { summary: { value: summary } } },
      },
    },
    ...problemResponses({
      'token-refused': tokenRefused,
      forbidden,
      'invalid-query': {
        invalidQuery: {
          detail: 'Correct these parameters: timeZone.',
          errors: [
            { parameter: 'timeZone', detail: 'must be the IANA name of a time zone, such as Europe/Vienna' },
          ],
        },
      },
      unavailable: {},
    }),
  },
}
