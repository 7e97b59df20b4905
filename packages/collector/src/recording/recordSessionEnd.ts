import { applyAddressPolicy } from '../domain/address.ts'
import type { EndReport } from '../domain/endReport.ts'
import { LapseError } from '../domain/errors.ts'
import { isUnrecordedLogout, judgeReport } from '../domain/judgeReport.ts'
import { describeOriginFault, isAllowedOrigin, opaqueOrigin, opaqueOriginAdvice } from '../domain/origin.ts'
import { maxLengths, type NewSessionEnd, type RecordedSessionEnd } from '../domain/sessionEnd.ts'
import type { Site } from '../domain/site.ts'
import { escapeUnsafe, replaceUnsafe } from '../domain/text/plainText.ts'
import { createExpiredTicketError, type TicketClaims, verifyTicket } from '../domain/ticket.ts'

/** A report as it arrived. Nothing about it is verified yet. */
export interface ReceivedReport {
  readonly report: EndReport
  /**
   * When the report arrived, in epoch milliseconds of the collector's clock. The sender's clock is compared with it, so
   * it must not include the time that the collector takes to check the report.
   */
  readonly receivedAt: number
  /** The `Origin` header; empty if no browser sent the report. */
  readonly origin: string
  /** The client's IP address; empty if it is unknown. */
  readonly address: string
  readonly userAgent: string
  /** Returns whether a page of the dashboard reports one of the dashboard's own sessions. */
  readonly isFromDashboard: () => boolean
  /**
   * Checks that the server that sent the report may report for this site. Undefined for a report without credentials,
   * as browsers send it.
   *
   * @throws {LapseError} `token-refused` or `forbidden`.
   */
  readonly authorizeServer: (() => Promise<void>) | undefined
}

export interface SessionEndWriter {
  /**
   * Writes a row, unless the session has one. Resolves after the commit.
   *
   * @throws {LapseError} `unavailable` when the row could not be written.
   */
  write(sessionEnd: NewSessionEnd): Promise<RecordedSessionEnd>
}

/** A request and its response. */
interface Exchange {
  readonly receive: () => Promise<ReceivedReport>
  readonly answer: (recorded: RecordedSessionEnd) => void
  /** Answers a logout that is not recorded. */
  readonly acknowledge: (logout: NewSessionEnd) => void
}

interface RecordingDependencies {
  readonly sites: Readonly<Record<string, Site>>
  readonly writer: SessionEndWriter
}

/**
 * Turns a reported session end into a row, or acknowledges a logout. These are all the steps from the request to its
 * response.
 *
 * @throws {LapseError} that says why the report is refused, or `unavailable` when it should be sent again later.
 */
export async function recordSessionEnd(
  { receive, answer, acknowledge }: Exchange,
  { sites, writer }: RecordingDependencies,
): Promise<void> {
  const received = await receive()
  const verified = await verify(received, sites)
  const sessionEnd = judge(received, verified)
  if (isUnrecordedLogout(received.report, sessionEnd, verified.site)) return acknowledge(sessionEnd)
  const recorded = await writer.write(sessionEnd)
  answer(recorded)
}

/** What is known about a report once it is verified. */
interface VerifiedReport {
  readonly site: Site
  readonly origin: string | undefined
  readonly claims: TicketClaims | undefined
}

async function verify(
  received: ReceivedReport,
  sites: Readonly<Record<string, Site>>,
): Promise<VerifiedReport> {
  const site = findSite(received, sites)
  const origin = verifyOrigin(received, site)
  if (received.authorizeServer) await received.authorizeServer()
  else if (received.report.detectedBy === 'server') throw createMissingServerTokenError()
  const claims = await verifyClaims(received, site)
  return { site, origin, claims }
}

function judge(
  { report, receivedAt, address, userAgent }: ReceivedReport,
  { site, origin, claims }: VerifiedReport,
): NewSessionEnd {
  return judgeReport(report, claims, site, {
    receivedAt,
    origin,
    ip: applyAddressPolicy(address, site.ip),
    userAgent: replaceUnsafe(userAgent).slice(0, maxLengths.userAgent) || undefined,
  })
}

function findSite({ report }: ReceivedReport, sites: Readonly<Record<string, Site>>): Site {
  const site = Object.hasOwn(sites, report.site) ? sites[report.site] : undefined
  if (!site) throw createUnknownSiteError(report.site)
  return site
}

/** @returns the origin of the page that sent the report, or undefined if no browser sent it. */
function verifyOrigin({ report, origin, isFromDashboard }: ReceivedReport, site: Site): string | undefined {
  if (origin === '') return undefined
  // Nearly all origins are listed literally. An origin with a wildcard is not a real one.
  if (!origin.includes('*') && site.origins.includes(origin)) return origin
  if (origin === opaqueOrigin)
    throw new LapseError('origin-refused', `The page has no origin: ${opaqueOriginAdvice}.`)
  if (origin.length > maxLengths.origin || describeOriginFault(origin) !== undefined)
    throw new LapseError(
      'origin-refused',
      `"${escapeUnsafe(origin.slice(0, maxLengths.origin))}" is not a valid origin, such as https://app.acme.com. Leave the Origin header to the browser.`,
    )
  if (isFromDashboard() || isAllowedOrigin(site.origins, origin)) return origin
  throw createUnlistedOriginError(origin, report.site)
}

async function verifyClaims(
  { report, receivedAt }: ReceivedReport,
  site: Site,
): Promise<TicketClaims | undefined> {
  const { ticket, site: name, detectedBy } = report
  if (ticket !== undefined) {
    const claims = await verifyTicket(ticket, { site: name, keys: site.ticketKeys, now: receivedAt })
    if (claims.hasExpired) throw createExpiredTicketError()
    return claims
  }
  // A server's token is stronger evidence than a ticket.
  if (site.requireTicket && detectedBy !== 'server')
    throw new LapseError('ticket-refused', `The site "${name}" requires a ticket with each report.`)
  return undefined
}

export function createUnknownSiteError(name: string): LapseError {
  return new LapseError('unknown-site', `Unknown site "${name}". Add it to "sites" in the configuration.`)
}

export function createUnlistedOriginError(origin: string, site: string): LapseError {
  return new LapseError(
    'origin-refused',
    `The site "${site}" does not list the origin ${origin}. Add it to the site's "origins" in the configuration.`,
  )
}

export function createMissingServerTokenError(): LapseError {
  return new LapseError(
    'token-refused',
    'A server must send a token with the scope "write". Create one with "lapse token create --scope write".',
  )
}
