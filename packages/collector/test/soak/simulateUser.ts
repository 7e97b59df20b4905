import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { signTicket } from '../support/sessionCollector.ts'
import type { Random } from './createRandom.ts'
import { createReporter } from './createReporter.ts'
import { idleTimeoutSeconds, type SiteName } from './limits.ts'
import { type Ending, isConfirmed, type SessionHistory } from './sessionHistory.ts'

const pollMs = 100
/** Longer than a session and an outage: after its expiry, a ticket counts only for what is already recorded. */
const ticketSeconds = 80

/** What a user is going to do. */
export interface UserPlan {
  readonly site: SiteName
  readonly ending: Ending
  readonly workMs: number
  /** Whether the user reads for most of the time, so that each report arrives not long before the limit. */
  readonly isSlow: boolean
  /** Whether the first page does not know the alias of the session yet. */
  readonly startsWithMarkerOnly: boolean
  /** Whether the browser can send a last report when the user leaves. */
  readonly reportsOnLeaving: boolean
  /** How long after the last access a user comes back. */
  readonly awayMs: number
}

export function planUser(random: Random): UserPlan {
  const ending = random.choose<Ending>([
    ...(['leaves', 'leaves', 'leaves', 'leaves', 'logsOut', 'logsOut'] as const),
    ...(['returns', 'returns', 'isRevoked'] as const),
  ])
  return {
    site: random.choose<SiteName>(['acme', 'recording', 'signed']),
    ending,
    workMs: random.between(5_000, 100_000),
    isSlow: random.isTrue(0.2),
    // A server knows the alias only.
    startsWithMarkerOnly: ending !== 'isRevoked' && random.isTrue(0.1),
    reportsOnLeaving: random.isTrue(0.5),
    awayMs: idleTimeoutSeconds * 1000 * random.between(1.1, 2.2),
  }
}

export interface SimulationOptions {
  /** The URL of the load balancer. */
  readonly url: string
  /** The token of a server with the scope `write`. */
  readonly token: string
  /** Sends all users home but those who stay. */
  readonly leaving: AbortSignal
  /** Ends the test. */
  readonly ending: AbortSignal
}

/** Simulates a browser and its user, and notes in `histories` what happens. Resolves when the user has gone. */
export async function simulateUser(
  plan: UserPlan,
  random: Random,
  { url, token, leaving, ending }: SimulationOptions,
  histories: SessionHistory[],
): Promise<void> {
  const startedAt = Date.now()
  const { history, identity } = await signIn(plan, random)
  histories.push(history)
  const reporter = createReporter({ url, token, ending, identity: { ...identity, startedAt }, history })
  const reporting: Promise<void>[] = []

  function reportWhenDue(): void {
    if (!reporter.isDue || !reporter.hasNews) return
    const knowsAlias = !plan.startsWithMarkerOnly || history.reports.some(isConfirmed)
    reporting.push(reporter.reportActivity(knowsAlias ? {} : { session: undefined }))
  }

  const stays = plan.ending === 'stays'
  const leaveAt = stays ? Number.POSITIVE_INFINITY : startedAt + plan.workMs
  let nextAccessAt = 0
  while (Date.now() < leaveAt && !(stays ? ending : leaving).aborted) {
    if (Date.now() >= nextAccessAt) {
      history.lastUsedAt = Date.now()
      nextAccessAt = history.lastUsedAt + chooseGap(plan, random)
    }
    reportWhenDue()
    await sleep(pollMs)
  }
  const leftAt = Date.now()
  history.hasLeft = true
  await Promise.all(reporting)

  if (plan.ending === 'logsOut') return reporter.reportEnd('logout', leftAt)
  if (plan.ending === 'isRevoked') {
    await reporter.revoke(leftAt)
    // The page does not know yet.
    return reporter.reportActivity({ lastAccessAt: Date.now() })
  }
  if (plan.reportsOnLeaving && reporter.hasNews) await reporter.reportActivity()
  if (plan.ending === 'returns') {
    await sleep(Math.max(0, history.lastUsedAt + plan.awayMs - Date.now()))
    await reporter.reportEnd('login_page', Date.now())
  }
}

async function signIn({ site, ending }: UserPlan, random: Random) {
  const session = `alias-${randomUUID()}`
  const marker = randomUUID()
  const subject = `u_${Math.floor(random.between(0, 1000))}`
  const claims = { iss: site, sub: subject, sid: session, iat: -1, exp: ticketSeconds }
  const ticket = site === 'signed' ? await signTicket(claims) : undefined
  const history: SessionHistory = {
    ...{ site, session, marker, ending, reports: [], lastUsedAt: Date.now(), hasLeft: false },
  }
  return { history, identity: { site, marker, session, subject, ticket, client: '1.0.0' } }
}

/** Chooses how long a user does nothing. It is always less than the idle timeout without the grace period. */
function chooseGap({ isSlow }: UserPlan, random: Random): number {
  if (isSlow) return random.between(10_000, 25_000)
  // Others read for a while now and then.
  return random.isTrue(0.1) ? random.between(4_000, 15_000) : random.between(300, 3_000)
}
