import { type EndReport, parseEndReport } from '../../domain/endReport.ts'
import { createKeyMismatchError, verifyTicket } from '../../domain/ticket.ts'
import type { Metrics } from '../../observability/metrics.ts'
import { recordSessionEnd } from '../../recording/recordSessionEnd.ts'
import type { EndOutcome } from '../../recording/sessionWork.ts'
import {
  createMissingServerTokenError,
  createUnknownSiteError,
  createUnlistedOriginError,
  type ReceivedReport,
} from '../../recording/verifyReport.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { Operation } from '../openapi/operation.ts'
import { catchProblem, describeProblemResponses } from '../openapi/responses.ts'
import { type RecordedVerdict, referToSchema } from '../openapi/schemas.ts'
import { authorizeServer } from '../request/authenticate.ts'
import { createNotJsonError, maxBodyKibibytes, readJson } from '../request/readJson.ts'
import { isFromDashboard } from '../request/sameOrigin.ts'
import type { Route } from '../route.ts'

// The current time, so that anyone who sends the example reports a session of today.
const now = Math.floor(Date.now() / 1000) * 1000

const exampleReport = {
  site: 'acme',
  marker: '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  startedAt: now - 7_200_000,
  lastAccessAt: now - 3_600_000,
  detectedAt: now,
  sentAt: now,
  session: 'a1f',
  subject: 'u_42',
  detectedBy: 'login_page',
  browserRestarted: false,
  client: '0.1.0',
}
const exampleServerReport = {
  site: 'acme',
  session: 'b2e',
  subject: 'u_7',
  detectedBy: 'server',
  reason: 'revoked',
}
const exampleLogout = {
  ...exampleReport,
  marker: '7d1f4a52-3c0e-4b6b-9a55-2f6c8e1d0b94',
  session: 'c3d',
  lastAccessAt: now - 60_000,
  detectedBy: 'logout',
}
const invalidReport = { ...exampleReport, subject: true }
const otherOrigin = 'https://other.example'
const otherSite = 'other'
/** A ticket without a valid signature. */
const forgedTicket = 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImxhcHNlK2p3dCJ9.e30.AAAA'

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

const reportSchema = {
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

const describeVerdictResponse = (examples: Readonly<Record<string, object>>) => ({
  content: { 'application/json': { schema: referToSchema('RecordedVerdict'), examples } },
})

/** An example request has the same name as the example of its response. */
const operation: Operation = {
  operationId: 'reportSessionEnd',
  tags: ['lapses'],
  summary: 'Report that a session ended',
  description: `Decides why the session ended and writes one row. The response is sent after the database has committed the row. A session has one row: a repeated report gets the verdict that was recorded.

A browser's logout (\`detectedBy: "logout"\`) after a limit was reached is that timeout, and is recorded. An earlier logout is recorded if the site sets \`recordLogouts\` or the report says \`report: true\`. Otherwise it is only acknowledged, with \`recorded: false\` and without an id.

The \`Origin\` of a browser's request must be one of the site's \`origins\`. \`Origin: null\` is always refused, because it does not identify a page: browsers send it from sandboxed frames and \`file:\` pages, and after redirects to another origin. A request without \`Origin\` does not come from a page. It is accepted, with the same evidence as any other report.

A server sends a token with the scope \`write\`, and its report needs fewer fields.`,
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
    description: `At most ${maxBodyKibibytes} KiB.`,
    content: {
      'application/json': {
        schema: reportSchema,
        examples: {
          idleTimeout: { summary: 'Detected on the login page', value: exampleReport },
          duplicate: { summary: 'The same report again', value: exampleReport },
          logout: { summary: 'A logout that is not recorded', value: exampleLogout },
          fromServer: { summary: 'Revoked by an administrator', value: exampleServerReport },
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
      description: 'The session already has a row, or a logout was only acknowledged.',
      ...describeVerdictResponse({
        duplicate: { value: { ...exampleVerdict, duplicate: true } },
        logout: { value: exampleAcknowledgment },
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

/** `POST /v1/lapses`: records the end of a session. `recordSessionEnd` lists the steps. */
export const reportSessionEnd: Route = {
  method: 'post',
  path: '/v1/lapses',
  operation,
  isRateLimited: true,
  handler({ settings: { sites }, store: { tokens }, writer, clock, metrics }) {
    const dependencies = { sites, writer, verifyTicket }
    return (ctx) =>
      recordSessionEnd(
        {
          receive: () => receive(ctx, tokens, clock),
          answer(outcome) {
            answer(ctx, outcome)
            observeOutcome(outcome, metrics)
          },
        },
        dependencies,
      )
  },
}

async function receive(
  ctx: Context,
  tokens: Dependencies['store']['tokens'],
  clock: Dependencies['clock'],
): Promise<ReceivedReport<EndReport>> {
  const hasToken = ctx.get('Authorization') !== ''
  const report = parseEndReport(await readJson(ctx), hasToken ? 'server' : 'browser')
  const receivedAt = clock.now()
  ctx.state.logFields.site = report.site
  return {
    report,
    receivedAt,
    origin: ctx.get('Origin'),
    address: ctx.state.address,
    userAgent: ctx.get('User-Agent'),
    isFromDashboard: () => isFromDashboard(ctx, report.site),
    authorizeServer: hasToken ? () => authorizeServer(ctx, report.site, tokens) : undefined,
  }
}

function answer(ctx: Context, outcome: EndOutcome): void {
  const verdict = describeVerdict(outcome)
  const { id, reason, duplicate, recorded } = verdict
  Object.assign(ctx.state.logFields, recorded === false ? { reason, recorded } : { id, reason, duplicate })
  ctx.status = outcome.kind === 'recorded' && !duplicate ? 201 : 200
  ctx.body = verdict
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
