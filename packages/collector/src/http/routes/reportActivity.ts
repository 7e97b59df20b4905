import { type ActivityReport, parseActivityReport } from '../../domain/activityReport.ts'
import { errorCodes, LapseError } from '../../domain/errors.ts'
import { StorageError } from '../../domain/storageError.ts'
import { createKeyMismatchError } from '../../domain/ticket.ts'
import { type ActivityWriter, prepareActivity, recordActivity } from '../../recording/recordActivity.ts'
import { maxBatchReports, recordBatch } from '../../recording/recordBatch.ts'
import { createUnknownSiteError, createUnlistedOriginError } from '../../recording/verifyReport.ts'
import type { Context, Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import {
  exampleActivity,
  exampleBatchAnswer,
  exampleServerActivities,
  forgedTicket,
  otherOrigin,
  otherSite,
} from '../openapi/exampleReports.ts'
import type { Operation } from '../openapi/operation.ts'
import { catchProblem, describeProblemResponses } from '../openapi/responses.ts'
import { referToSchema } from '../openapi/schemas.ts'
import { answerBatch } from '../request/answerBatch.ts'
import { createNotJsonError, maxBodyKibibytes } from '../request/readJson.ts'
import { maxServerBodyKibibytes, receiveReports } from '../request/receiveReports.ts'
import type { Route } from '../route.ts'

const reportSchema = {
  anyOf: [
    referToSchema('BrowserActivityReport'),
    referToSchema('ServerActivityReport'),
    { type: 'array', maxItems: maxBatchReports, items: referToSchema('ServerActivityReport') },
  ],
}

const invalidReport = { ...exampleActivity, subject: true }

/** An example request has the same name as the example of its response. */
const operation: Operation = {
  operationId: 'reportActivity',
  tags: ['sessions'],
  summary: 'Report that a session was used',
  description: `Makes the session live, or moves its last access forward and its start back. The response is sent after the database has committed the change. If a live session is not used and its end is not reported, the collector records its timeout.

A report that says nothing new is confirmed and changes nothing. The same goes for a report that is not later than the end of a session, and for an unsigned report of a session that a ticket or a server has registered.

A browser's report is subject to the same checks as in \`POST /v1/lapses\`. A server sends a token with the scope \`write\`, and may send an array of up to ${maxBatchReports} reports.`,
  security: [{}, { token: ['write'] }],
  parameters: [
    {
      name: 'Origin',
      in: 'header',
      description: 'The origin of the page. Browsers set it.',
      schema: { type: 'string' },
      examples: { fromBrowser: { value: 'https://app.acme.com' }, originRefused: { value: otherOrigin } },
    },
  ],
  requestBody: {
    required: true,
    description: `At most ${maxBodyKibibytes} KiB, and ${maxServerBodyKibibytes} KiB from a server.`,
    content: {
      'application/json': {
        schema: reportSchema,
        examples: {
          fromBrowser: { summary: 'Sent by a browser', value: exampleActivity },
          several: {
            summary: 'Several reports of a server',
            value: exampleServerActivities,
          },
          ticketRefused: { value: { ...exampleActivity, ticket: forgedTicket } },
          originRefused: { value: exampleActivity },
          unknownSite: { value: { ...exampleActivity, site: otherSite } },
        },
      },
      // Pages may send this type to another origin without a preflight.
      'text/plain': {
        schema: { type: 'string', contentMediaType: 'application/json', contentSchema: reportSchema },
        examples: {
          notJson: { value: '{"site":' },
          invalidEvent: { value: JSON.stringify(invalidReport) },
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The result of several reports.',
      content: {
        'application/json': {
          schema: referToSchema('BatchAnswer'),
          examples: {
            several: {
              value: exampleBatchAnswer,
            },
          },
        },
      },
    },
    204: { description: 'The report is committed, or says nothing new.' },
    ...describeProblemResponses(
      [
        'not-json',
        'ticket-refused',
        'token-refused',
        'origin-refused',
        'forbidden',
        'unknown-site',
        'body-too-large',
        'unsupported-media-type',
        'invalid-event',
        'too-many-requests',
        'unavailable',
      ],
      {
        notJson: createNotJsonError(),
        ticketRefused: createKeyMismatchError(exampleActivity.site),
        originRefused: createUnlistedOriginError(otherOrigin, exampleActivity.site),
        unknownSite: createUnknownSiteError(otherSite),
        invalidEvent: catchProblem(() => parseActivityReport(invalidReport, 'browser')),
      },
    ),
  },
}

/** `POST /v1/activity`: records that sessions were used. */
export const reportActivity: Route = {
  method: 'post',
  path: '/v1/activity',
  operation,
  isRateLimited: true,
  handler: (dependencies) =>
    countUnstored(
      dependencies,
      createHandler({ ...dependencies, writer: createCountingWriter(dependencies) }),
    ),
}

type HandlerDependencies = Omit<Dependencies, 'writer'> & { readonly writer: ActivityWriter }

function createHandler(dependencies: HandlerDependencies): (ctx: Context) => Promise<void> {
  const { settings, writer, verifyRepeatedTicket, observeRefusal, metrics } = dependencies
  const recording = { sites: settings.sites, writer, verifyTicket: verifyRepeatedTicket, observeRefusal }

  return async (ctx) => {
    const { body, sender, describe } = await receiveReports(ctx, dependencies)
    const parse = (each: unknown): ActivityReport => parseActivityReport(each, sender)
    if (sender === 'server' && Array.isArray(body)) {
      const result = await recordBatch(
        body,
        (each) => prepareActivity(describe(parse(each)), recording),
        async (work) => {
          await writer.write(work)
          metrics.observeActivity(work.activity.site)
        },
      )
      return answerBatch(ctx, result)
    }
    const report = parse(body)
    ctx.state.logFields.site = report.site
    await recordActivity(describe(report), recording)
    metrics.observeActivity(report.site)
    ctx.status = 204
  }
}

/**
 * Counts verified reports that could not be stored: a session whose activity could not be stored is not idle.
 *
 * Reports whose ticket could not be verified, because the site's keys cannot be fetched, do not count. Anyone can send
 * those, and could otherwise keep the timeouts of all sites from being recorded.
 */
function createCountingWriter({
  writer,
  unstoredActivity,
}: Pick<Dependencies, 'writer' | 'unstoredActivity'>): ActivityWriter {
  return {
    async write(work) {
      try {
        return await writer.write(work)
      } catch (error) {
        if (!(error instanceof LapseError) || errorCodes[error.code].status >= 500)
          unstoredActivity.count += 1
        throw error
      }
    },
  }
}

/** Counts reports of servers whose token could not be looked up. */
function countUnstored(
  { unstoredActivity }: Pick<Dependencies, 'unstoredActivity'>,
  handler: (ctx: Context) => Promise<void>,
): Middleware {
  return async (ctx) => {
    try {
      await handler(ctx)
    } catch (error) {
      if (error instanceof StorageError) unstoredActivity.count += 1
      throw error
    }
  }
}
