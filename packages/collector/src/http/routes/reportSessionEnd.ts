import {
  isSubjectEndReport,
  parseArrayedEndReport,
  parseEndReport,
  parseSubjectEndReport,
} from '../../domain/endReport.ts'
import { createKeyMismatchError, verifyTicket } from '../../domain/ticket.ts'
import type { Metrics } from '../../observability/metrics.ts'
import { maxBatchReports, recordBatch } from '../../recording/recordBatch.ts'
import { prepareSessionEnd, recordSessionEnd } from '../../recording/recordSessionEnd.ts'
import { recordSubjectEnd } from '../../recording/recordSubjectEnd.ts'
import type { EndOutcome } from '../../recording/sessionWork.ts'
import {
  createMissingServerTokenError,
  createUnknownSiteError,
  createUnlistedOriginError,
} from '../../recording/verifyReport.ts'
import type { Context } from '../context.ts'
import {
  exampleBatchAnswer,
  exampleLogout,
  exampleReport,
  exampleServerReport,
  exampleServerReports,
  exampleSubjectEnd,
  forgedTicket,
  invalidReport,
  otherOrigin,
  otherSite,
} from '../openapi/exampleReports.ts'
import type { Operation } from '../openapi/operation.ts'
import { catchProblem, describeProblemResponses } from '../openapi/responses.ts'
import { type RecordedVerdict, referToSchema, type SubjectEndAnswer } from '../openapi/schemas.ts'
import { answerBatch } from '../request/answerBatch.ts'
import { createNotJsonError, maxBodyKibibytes } from '../request/readJson.ts'
import { maxServerBodyKibibytes, receiveReports } from '../request/receiveReports.ts'
import type { Route } from '../route.ts'

const exampleVerdict: RecordedVerdict = {
  id: 1,
  reason: 'idle_timeout',
  elapsedMs: 3_600_000,
  idleTimeoutSeconds: 1800,
  duplicate: false,
}

const exampleAcknowledgment: RecordedVerdict = {
  id: null,
  reason: 'logout',
  elapsedMs: 60_000,
  idleTimeoutSeconds: 1800,
  duplicate: false,
  recorded: false,
}

const oneReportSchema = {
  oneOf: [referToSchema('BrowserEndReport'), referToSchema('ServerEndReport')],
  discriminator: {
    propertyName: 'detectedBy',
    mapping: {
      login_page: referToSchema('BrowserEndReport').$ref,
      new_session: referToSchema('BrowserEndReport').$ref,
      logout: referToSchema('BrowserEndReport').$ref,
      server: referToSchema('ServerEndReport').$ref,
    },
  },
}
const reportSchema = {
  anyOf: [
    oneReportSchema,
    referToSchema('SubjectEndReport'),
    { type: 'array', maxItems: maxBatchReports, items: referToSchema('ServerEndReport') },
  ],
}

const endAnswerSchema = {
  anyOf: [referToSchema('RecordedVerdict'), referToSchema('SubjectEndAnswer'), referToSchema('BatchAnswer')],
}

const describeVerdictResponse = (examples: Readonly<Record<string, object>>) => ({
  content: { 'application/json': { schema: endAnswerSchema, examples } },
})

/** An example request has the same name as the example of its response. */
const operation: Operation = {
  operationId: 'reportSessionEnd',
  tags: ['lapses'],
  summary: 'Report that a session ended',
  description: `Decides why the session ended and writes one row. The response is sent after the database has committed the row. A session has one current row: a repeated report gets the verdict that was recorded. A report that knows better adds a row that supersedes the current one: it shows that the session was used later, it has stronger evidence and another reason, it says that the session ended before the timeout that the sweep recorded, or the current row is a \`clock_anomaly\`. Its evidence must not be weaker.

A report ends the live session, and is judged by the later one of its own last access and that of the live session. If evidence that is at least as strong shows that the session was used after \`detectedAt\`, the report is only acknowledged, with \`recorded: false\` and without an id.

A browser's logout (\`detectedBy: "logout"\`) after a limit was reached is that timeout, and is recorded. An earlier logout is recorded if the site sets \`recordLogouts\`, if the report says \`report: true\`, or if it supersedes a row. Otherwise it is only acknowledged.

The \`Origin\` of a browser's request must be one of the site's \`origins\`. \`Origin: null\` is always refused, because it does not identify a page: browsers send it from sandboxed frames and \`file:\` pages, and after redirects to another origin. A request without \`Origin\` does not come from a page. It is accepted, with the same evidence as any other report.

A server sends a token with the scope \`write\`, and its report needs fewer fields. A report with a \`subject\` and a \`reason\`, but without a session, ends all live sessions of that user, except the one that \`except\` names. If the response is 503, some of them may have ended. Repeat the report to end the others: the response then contains the verdicts on those only. A server may also send an array of up to ${maxBatchReports} reports.`,
  security: [{}, { token: ['write'] }],
  parameters: [
    {
      name: 'Origin',
      in: 'header',
      description: 'The origin of the page. Browsers set it.',
      schema: { type: 'string' },
      examples: { idleTimeout: { value: 'https://app.acme.com' }, originRefused: { value: otherOrigin } },
    },
  ],
  requestBody: {
    required: true,
    description: `At most ${maxBodyKibibytes} KiB, and ${maxServerBodyKibibytes} KiB from a server.`,
    content: {
      'application/json': {
        schema: reportSchema,
        examples: {
          idleTimeout: { summary: 'Detected on the login page', value: exampleReport },
          duplicate: { summary: 'The same report again', value: exampleReport },
          logout: { summary: 'A logout that is not recorded', value: exampleLogout },
          fromServer: { summary: 'Revoked by an administrator', value: exampleServerReport },
          ofUser: { summary: 'All sessions of a user', value: exampleSubjectEnd },
          several: { summary: 'Several reports of a server', value: exampleServerReports },
          ticketRefused: { value: { ...exampleReport, ticket: forgedTicket } },
          tokenRefused: { summary: 'A server without a token', value: exampleServerReport },
          originRefused: { value: exampleReport },
          unknownSite: { value: { ...exampleReport, site: otherSite } },
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
      description: 'No row was written for a single report, or the result of several reports.',
      ...describeVerdictResponse({
        duplicate: { value: { ...exampleVerdict, duplicate: true } },
        logout: { value: exampleAcknowledgment },
        ofUser: { value: { lapses: [] } },
        several: { value: exampleBatchAnswer },
      }),
    },
    201: {
      description: 'The row is committed.',
      ...describeVerdictResponse({
        idleTimeout: { value: exampleVerdict },
        fromServer: { value: { ...exampleVerdict, id: 2, reason: 'revoked', elapsedMs: null } },
      }),
    },
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
        ticketRefused: createKeyMismatchError(exampleReport.site),
        tokenRefused: createMissingServerTokenError(),
        originRefused: createUnlistedOriginError(otherOrigin, exampleReport.site),
        unknownSite: createUnknownSiteError(otherSite),
        invalidEvent: catchProblem(() => parseEndReport(invalidReport, 'browser')),
      },
    ),
  },
}

/** `POST /v1/lapses`: records that sessions have ended. */
export const reportSessionEnd: Route = {
  method: 'post',
  path: '/v1/lapses',
  operation,
  isRateLimited: true,
  handler(dependencies) {
    const recording = {
      sites: dependencies.settings.sites,
      writer: dependencies.writer,
      liveSessions: dependencies.store.liveSessions,
      verifyTicket,
      observeRefusal: dependencies.observeRefusal,
    }
    const { metrics } = dependencies

    return async (ctx) => {
      const { body, sender, describe } = await receiveReports(ctx, dependencies)
      if (sender === 'server' && Array.isArray(body)) {
        const result = await recordBatch(
          body,
          (each) => prepareSessionEnd(describe(parseArrayedEndReport(each)), recording),
          async (work) => observeOutcome(await recording.writer.write(work), metrics),
        )
        return answerBatch(ctx, result)
      }
      if (isSubjectEndReport(body)) {
        const report = parseSubjectEndReport(body)
        ctx.state.logFields.site = report.site
        const outcomes = await recordSubjectEnd(describe(report), recording)
        for (const outcome of outcomes) observeOutcome(outcome, metrics)
        ctx.status = outcomes.some(isNew) ? 201 : 200
        ctx.body = { lapses: outcomes.map(describeVerdict) } satisfies SubjectEndAnswer
        return
      }
      const report = parseEndReport(body, sender)
      ctx.state.logFields.site = report.site
      const outcome = await recordSessionEnd(describe(report), recording)
      answer(ctx, outcome)
      observeOutcome(outcome, metrics)
    }
  },
}

function answer(ctx: Context, outcome: EndOutcome): void {
  const verdict = describeVerdict(outcome)
  const { id, reason, duplicate, recorded } = verdict
  Object.assign(ctx.state.logFields, recorded === false ? { reason, recorded } : { id, reason, duplicate })
  ctx.status = isNew(outcome) ? 201 : 200
  ctx.body = verdict
}

function isNew(outcome: EndOutcome): boolean {
  return outcome.kind === 'recorded' && !outcome.duplicate
}

function describeVerdict(outcome: EndOutcome): RecordedVerdict {
  const { reason, elapsedMs, idleTimeoutSeconds } =
    outcome.kind === 'recorded' ? outcome.row : outcome.verdict
  const verdict = { reason, elapsedMs, idleTimeoutSeconds }
  return outcome.kind === 'recorded'
    ? { id: outcome.row.id, ...verdict, duplicate: outcome.duplicate }
    : { id: null, ...verdict, duplicate: false, recorded: false }
}

function observeOutcome(outcome: EndOutcome, metrics: Metrics): void {
  if (outcome.kind === 'recorded') metrics.observeVerdict(outcome.row, outcome.duplicate)
  else metrics.observeUnrecordedEnd(outcome.verdict)
}
