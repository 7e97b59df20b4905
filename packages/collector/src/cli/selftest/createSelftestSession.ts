import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Config } from '../../config/config.ts'
import type { Limits } from '../../domain/limits.ts'
import { selftestSessionPrefix, selftestSubject } from '../../domain/selftest.ts'
import { findSite } from '../options/findSite.ts'
import type { SigningKeyOptions } from '../options/signingKeyOptions.ts'
import { loadSigningKey } from '../tickets/signingKey.ts'
import { signTicket } from '../tickets/signTicket.ts'
import { computeSelftestTimes } from './runSelftest.ts'
import type { SelftestInput } from './selftestTypes.ts'

interface SessionOptions extends SigningKeyOptions {
  readonly site: string
  readonly ticket?: string
}

type SelftestSession = Pick<SelftestInput, 'limits' | 'session' | 'times' | 'ticket'>

/** How long a ticket for the self-test is valid. */
const ticketSeconds = 300

/** Creates the simulated session: from the given ticket, or with a new ticket if the site requires one. */
export async function createSelftestSession(
  config: Pick<Config, 'sites'>,
  options: SessionOptions,
): Promise<SelftestSession> {
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds, requireTicket } = findSite(
    config,
    options.site,
  )
  const limits = { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds }
  const now = Date.now()
  if (options.ticket !== undefined) return createSessionFromTicket(options.ticket, limits, now)
  const session = createSessionAlias()
  const times = computeSelftestTimes(limits, now)
  if (!requireTicket && options.key === undefined) return { limits, session, times, ticket: undefined }
  const issuedAt = Math.floor(times.startedAt / 1000)
  const expiresAt = Math.ceil(now / 1000) + ticketSeconds
  const key = loadSigningKey(options, () => config)
  // Without `idle`, so that the test also shows which limit the collector has.
  const claims = { site: options.site, subject: selftestSubject, session, issuedAt, expiresAt }
  return { limits, session, times, ticket: await signTicket(claims, key) }
}

function createSessionFromTicket(ticket: string, siteLimits: Limits, now: number): SelftestSession {
  const { sub, sid, iat = 0, idle, abs } = decodeJwt<{ sid?: string; idle?: number; abs?: number }>(ticket)
  // A session has one row, so a self-test with a real user's ticket would prevent the row of its real end.
  if (sub !== selftestSubject)
    throw new Error(
      `The ticket belongs to a user, "${sub}". Sign one with the subject "${selftestSubject}" instead.`,
    )
  if (sid !== undefined && !sid.startsWith(selftestSessionPrefix))
    throw new Error(
      `The ticket is for session "${sid}", so its row would count as a user's. Sign one with a sid that begins with "${selftestSessionPrefix}", or without a sid.`,
    )
  const limits = {
    ...siteLimits,
    idleTimeoutSeconds: idle ?? siteLimits.idleTimeoutSeconds,
    absoluteTimeoutSeconds: abs ?? siteLimits.absoluteTimeoutSeconds,
  }
  const times = computeSelftestTimes(limits, now)
  if (iat * 1000 > times.startedAt)
    throw new Error(
      `The ticket is too new for a session that has timed out. Sign one with an iat of ${Math.floor(times.startedAt / 1000)} or earlier.`,
    )
  return { limits, session: sid ?? createSessionAlias(), times, ticket }
}

function createSessionAlias(): string {
  return `${selftestSessionPrefix}${randomUUID()}`
}
