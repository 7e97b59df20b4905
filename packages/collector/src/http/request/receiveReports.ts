import type { ReceivedReport } from '../../recording/verifyReport.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { createServerAuthorizer, type ServerAuthorizer } from './authenticate.ts'
import { maxBodyKibibytes, readJson } from './readJson.ts'
import { isFromDashboard } from './sameOrigin.ts'

/** The largest body of a server, which may contain many reports. */
export const maxServerBodyKibibytes = 256

/** A request with one report or several. */
export interface ReceivedBody {
  /** The parsed JSON. */
  readonly body: unknown
  readonly sender: 'browser' | 'server'
  /** Adds what the request says to a report of its body. */
  describe<Report extends { readonly site: string }>(report: Report): ReceivedReport<Report>
}

/** @throws {LapseError} that says why the body cannot be read. */
export async function receiveReports(
  ctx: Context,
  {
    store: { tokens },
    clock,
  }: Pick<Dependencies, 'clock'> & { readonly store: Pick<Dependencies['store'], 'tokens'> },
): Promise<ReceivedBody> {
  const server = createServerAuthorizer(ctx, tokens)
  const body = await readBody(ctx, server)
  // An invalid token is wrong for all reports, not for each of them.
  if (server && Array.isArray(body)) await server.authenticate()
  const receivedAt = clock.now()
  return {
    body,
    sender: server ? 'server' : 'browser',
    describe: (report) => ({
      report,
      receivedAt,
      origin: ctx.get('Origin'),
      address: ctx.state.address,
      userAgent: ctx.get('User-Agent'),
      isFromDashboard: () => isFromDashboard(ctx, report.site),
      authorizeServer: server && (() => server.authorize(report.site)),
    }),
  }
}

/** Nobody but a server with a valid token can make the collector read a large body. */
async function readBody(ctx: Context, server: ServerAuthorizer | undefined): Promise<unknown> {
  const length = ctx.get('Content-Length')
  const isSmall = length !== '' && Number(length) <= maxBodyKibibytes * 1024
  if (!server || isSmall) return readJson(ctx)
  await server.authenticate()
  return readJson(ctx, maxServerBodyKibibytes)
}
