import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import { signOptionalTicket } from '../session/signOptionalTicket.ts'
import { type DescribedSession, describeSession, type LifetimeRules } from './describeSession.ts'
import { readSessionRow } from './sessionRow.ts'

/** Reports what happens to better-auth's sessions. All methods take a session as better-auth passes it to hooks. */
export class SessionReporter {
  /** As set by better-auth's options, which are known when better-auth initializes the plugin. */
  rules: LifetimeRules = { expiresInSeconds: 604_800, isExtended: true }
  readonly #lapse: LapseServer

  constructor(lapse: LapseServer) {
    this.#lapse = lapse
  }

  describe(session: unknown): DescribedSession {
    return describeSession(readSessionRow(session), this.rules)
  }

  /** Reports that better-auth has created or extended a session. */
  active(session: unknown): void {
    const { isFixed, ...activity } = this.describe(session)
    // Only a ticket can state the timeout. Without one, sessions that are extended have the site's.
    const statesTimeout = isFixed || signOptionalTicket(this.#lapse, activity) !== undefined
    this.#lapse.active(statesTimeout ? activity : { ...activity, idleTimeoutSeconds: undefined })
  }

  /**
   * Reports that a session has ended.
   *
   * @param reason why, if it has not expired.
   */
  ended(session: unknown, reason: EndReason): void {
    const row = readSessionRow(session)
    const { subject, session: alias, startedAt, lastAccessAt, isFixed } = describeSession(row, this.rules)
    const detectedAt = Date.now()
    const end = { subject, session: alias, startedAt, lastAccessAt, detectedAt }
    if (row.expiresAt > detectedAt) this.#lapse.ended({ ...end, reason })
    else this.#lapse.ended(isFixed ? { ...end, reason: 'absolute_timeout' } : end)
  }
}
