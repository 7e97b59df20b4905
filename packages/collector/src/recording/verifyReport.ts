import type { RefusalKind } from '../domain/alarms/refusals.ts'
import { type ErrorCode, LapseError } from '../domain/errors.ts'
import { describeOriginFault, isAllowedOrigin, opaqueOrigin, opaqueOriginAdvice } from '../domain/origin.ts'
import { maxLengths } from '../domain/sessionEnd.ts'
import type { Site } from '../domain/site.ts'
import { escapeUnsafe, replaceUnsafe } from '../domain/text/plainText.ts'
import type { TicketClaims } from '../domain/ticket.ts'
import type { VerifyTicket } from './ticketVerifier.ts'

/** A report as it arrived. Nothing about it is verified yet. */
export interface ReceivedReport<Report> {
  readonly report: Report
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

/** What is known about a report once it is verified. */
export interface VerifiedReport {
  readonly site: Site
  readonly origin: string | undefined
  readonly claims: TicketClaims | undefined
}

export interface VerificationDependencies {
  readonly sites: Readonly<Record<string, Site>>
  readonly verifyTicket: VerifyTicket
  /** Notes a report that was refused because of its origin or its ticket. */
  readonly observeRefusal: (refusal: Refusal) => void
}

/** A report of a configured site that was refused. */
export interface Refusal {
  readonly site: string
  readonly kind: RefusalKind
  /** The `Origin` header, which can be any text. */
  readonly origin: string
}

/** The fields of a report that say who sends it. */
interface ReportIdentity {
  readonly site: string
  readonly ticket?: string | undefined
  /** Tells an end report of a server from one of a browser. Other reports with a token come from servers. */
  readonly detectedBy?: string
}

/**
 * Checks that the sender may report for the site: the page's origin, the server's token, and the ticket.
 *
 * @throws {LapseError} that says why the report is refused.
 */
export async function verifyReport<Report extends ReportIdentity>(
  received: ReceivedReport<Report>,
  dependencies: VerificationDependencies,
): Promise<VerifiedReport> {
  const site = findSite(received.report.site, dependencies.sites)
  try {
    return await verifySender(received, site, dependencies)
  } catch (error) {
    const kind = error instanceof LapseError ? refusalKindOfCodes[error.code] : undefined
    if (kind) dependencies.observeRefusal({ site: received.report.site, kind, origin: received.origin })
    throw error
  }
}

const refusalKindOfCodes: Readonly<Partial<Record<ErrorCode, RefusalKind>>> = {
  'origin-refused': 'origin',
  'ticket-refused': 'ticket',
}

async function verifySender(
  received: ReceivedReport<ReportIdentity>,
  site: Site,
  { verifyTicket }: Pick<VerificationDependencies, 'verifyTicket'>,
): Promise<VerifiedReport> {
  const origin = verifyOrigin(received, site)
  if (received.authorizeServer) await received.authorizeServer()
  else if (received.report.detectedBy === 'server') throw createMissingServerTokenError()
  const claims = await verifyClaims(received, site, verifyTicket)
  return { site, origin, claims }
}

/** @throws {LapseError} `unknown-site`. */
function findSite(name: string, sites: Readonly<Record<string, Site>>): Site {
  const site = Object.hasOwn(sites, name) ? sites[name] : undefined
  if (!site) throw createUnknownSiteError(name)
  return site
}

/** @returns the origin of the page that sent the report, or undefined if no browser sent it. */
function verifyOrigin(
  { report, origin, isFromDashboard }: ReceivedReport<ReportIdentity>,
  site: Site,
): string | undefined {
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
  { report: { ticket, site: name, detectedBy }, receivedAt, authorizeServer }: ReceivedReport<ReportIdentity>,
  site: Site,
  verifyTicket: VerifyTicket,
): Promise<TicketClaims | undefined> {
  if (ticket !== undefined)
    return verifyTicket(ticket, { site: name, keys: site.ticketKeys, now: receivedAt })
  // A server's token is stronger evidence than a ticket.
  const isFromServer = detectedBy === undefined ? authorizeServer !== undefined : detectedBy === 'server'
  if (site.requireTicket && !isFromServer)
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

/** @returns undefined for an empty header. */
export function cleanUserAgent(userAgent: string): string | undefined {
  return replaceUnsafe(userAgent).slice(0, maxLengths.userAgent) || undefined
}
