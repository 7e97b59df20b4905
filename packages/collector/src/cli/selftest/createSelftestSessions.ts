import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Config } from '../../config/config.ts'
import type { Limits } from '../../domain/limits.ts'
import { isSelftestAlias, selftestSessionPrefix, selftestSubject } from '../../domain/selftest.ts'
import { findSite } from '../options/findSite.ts'
import type { SigningKeyOptions } from '../options/signingKeyOptions.ts'
import { loadSigningKey } from '../tickets/signingKey.ts'
import { signTicket } from '../tickets/signTicket.ts'
import { computeAbandonedTimes, computeReturningTimes } from './selftestTimes.ts'
import type { SelftestInput, SelftestSession, SelftestTimes } from './selftestTypes.ts'

interface SessionOptions extends SigningKeyOptions {
  readonly site: string
  readonly ticket?: string
}

type PlannedSelftest = Pick<SelftestInput, 'limits' | 'heartbeatSeconds' | 'sessions'>

/** How long a ticket for the self-test is valid. It is checked when the session is registered, and when it ends. */
const ticketSeconds = 300

/** Creates the simulated sessions: with the given ticket, or with new tickets if the site requires them. */
export async function createSelftestSessions(
  config: Pick<Config, 'sites'>,
  options: SessionOptions,
): Promise<PlannedSelftest> {
  const site = findSite(config, options.site)
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds, heartbeatSeconds = 0 } = site
  const limits = { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds }
  const now = Date.now()
  if (options.ticket !== undefined)
    return createSessionsFromTicket(options.ticket, limits, heartbeatSeconds, now)

  const isSigned = site.requireTicket || options.key !== undefined
  const key = isSigned ? loadSigningKey(options, () => config) : undefined
  const create = async (times: SelftestTimes): Promise<SelftestSession> => {
    const session = createSessionAlias()
    const issuedAt = Math.floor(times.startedAt / 1000)
    const expiresAt = Math.ceil(now / 1000) + ticketSeconds
    // Without `idle`, so that the test also shows which limit the collector has.
    const claims = { site: options.site, subject: selftestSubject, session, issuedAt, expiresAt }
    return { session, marker: randomUUID(), times, ticket: key && (await signTicket(claims, key)) }
  }
  return {
    limits,
    heartbeatSeconds,
    sessions: {
      returning: await create(computeReturningTimes(limits, now)),
      abandoned: await create(computeAbandonedTimes(limits, heartbeatSeconds, now)),
    },
  }
}

function createSessionsFromTicket(
  ticket: string,
  siteLimits: Limits,
  heartbeatSeconds: number,
  now: number,
): PlannedSelftest {
  const { sub, sid, iat = 0, idle, abs } = decodeJwt<{ sid?: string; idle?: number; abs?: number }>(ticket)
  // A session has one row, so a self-test with a real user's ticket would prevent the row of its real end.
  if (sub !== selftestSubject)
    throw new Error(
      `The ticket belongs to a user, "${sub}". Sign one with the subject "${selftestSubject}" instead.`,
    )
  if (sid !== undefined && !isSelftestAlias(sid))
    throw new Error(
      `The ticket is for session "${sid}", so its row would count as a user's. Sign one with a sid that begins with "${selftestSessionPrefix}", or without a sid.`,
    )
  const limits = {
    ...siteLimits,
    idleTimeoutSeconds: idle ?? siteLimits.idleTimeoutSeconds,
    absoluteTimeoutSeconds: abs ?? siteLimits.absoluteTimeoutSeconds,
  }
  const create = (times: SelftestTimes): SelftestSession => {
    if (iat * 1000 > times.startedAt)
      throw new Error(
        `The ticket is too new for a session that has timed out. Sign one with an iat of ${Math.floor(times.startedAt / 1000)} or earlier.`,
      )
    return { session: sid ?? createSessionAlias(), marker: randomUUID(), times, ticket }
  }
  const abandoned = create(computeAbandonedTimes(limits, heartbeatSeconds, now))
  const returning = sid === undefined ? create(computeReturningTimes(limits, now)) : undefined
  return { limits, heartbeatSeconds, sessions: { returning, abandoned } }
}

function createSessionAlias(): string {
  return `${selftestSessionPrefix}${randomUUID()}`
}
