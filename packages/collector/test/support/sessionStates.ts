import { describeActivity } from '../../src/domain/activity.ts'
import { parseActivityReport } from '../../src/domain/activityReport.ts'
import { decideActivity } from '../../src/domain/decisions/decideActivity.ts'
import { decideEnd, type VerifiedEnd } from '../../src/domain/decisions/decideEnd.ts'
import { decideSweep } from '../../src/domain/decisions/decideSweep.ts'
import {
  type Change,
  emptyRecords,
  type KnownSessionEnd,
  type SessionRecords,
  type SessionState,
} from '../../src/domain/decisions/sessionState.ts'
import { parseEndReport } from '../../src/domain/endReport.ts'
import type { Evidence } from '../../src/domain/evidence.ts'
import type { Activity } from '../../src/domain/liveSession.ts'
import type { TicketClaims } from '../../src/domain/ticket.ts'

/** The sign-in of the session, in epoch milliseconds. */
export const signIn = 1_800_000_000_000
export const minute = 60_000
export const marker = '0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d'
/** An idle timeout of 30 minutes with a grace period of 10 seconds. */
const site = {
  idleTimeoutSeconds: 1800,
  absoluteTimeoutSeconds: undefined,
  recordLogouts: true,
} as const

interface ReportCase {
  /** Milliseconds after the sign-in, like all other times. */
  readonly lastAccess?: number | undefined
  readonly sent?: number
  readonly received?: number
  readonly started?: number
  readonly session?: string | undefined
  readonly marker?: string | undefined
  readonly subject?: string
  readonly evidence?: Evidence
  readonly hasExpiredTicket?: boolean
}

export interface ActivityCase extends ReportCase {
  readonly heartbeatSeconds?: number
}

/** Creates a report that the session `a1f` was used ten minutes after the sign-in, unless `report` says otherwise. */
export function createActivity(report: ActivityCase = {}): Activity {
  const { lastAccess = 10 * minute, sent = lastAccess, received = sent, evidence = 'self_reported' } = report
  const body = {
    site: 'acme',
    ...identify(report),
    startedAt: signIn + (report.started ?? 0),
    lastAccessAt: signIn + lastAccess,
    sentAt: signIn + sent,
    heartbeatSeconds: report.heartbeatSeconds,
  }
  const sender = evidence === 'server' ? 'server' : 'browser'
  return describeActivity(parseActivityReport(body, sender), createClaims(report), site, {
    ...createRequest(received),
    evidence,
  })
}

export interface EndCase extends ReportCase {
  readonly detected?: number
  readonly detectedBy?: 'login_page' | 'new_session' | 'logout'
  readonly reason?: string
  readonly siteChanges?: Partial<VerifiedEnd['site']>
}

/** Creates a report from the login page, an hour after the sign-in, of the session that was last used after ten minutes. */
function createEnd(report: EndCase = {}): VerifiedEnd {
  const { detected = 60 * minute, sent = detected, received = sent, evidence = 'self_reported' } = report
  const lastAccess = 'lastAccess' in report ? report.lastAccess : 10 * minute
  const sender = evidence === 'server' ? 'server' : 'browser'
  const body = {
    site: 'acme',
    ...identify(report),
    startedAt: sender === 'server' ? undefined : signIn + (report.started ?? 0),
    lastAccessAt: lastAccess === undefined ? undefined : signIn + lastAccess,
    detectedAt: signIn + detected,
    sentAt: signIn + sent,
    detectedBy: sender === 'server' ? 'server' : (report.detectedBy ?? 'login_page'),
    reason: report.reason,
  }
  return {
    report: parseEndReport(body, sender),
    claims: createClaims(report),
    site: { ...site, ...report.siteChanges },
    request: createRequest(received),
  }
}

const identify = (report: ReportCase) => ({
  session: 'session' in report ? report.session : 'a1f',
  marker: 'marker' in report ? report.marker : marker,
  subject: report.subject ?? 'u_42',
})

const createRequest = (received: number) => ({
  receivedAt: signIn + received,
  origin: undefined,
  ip: undefined,
  userAgent: undefined,
})

function createClaims({
  evidence,
  subject = 'u_42',
  hasExpiredTicket = false,
}: ReportCase): TicketClaims | undefined {
  if (evidence !== 'signed') return undefined
  return {
    subject,
    session: undefined,
    idleTimeoutSeconds: undefined,
    absoluteTimeoutSeconds: undefined,
    issuedAt: signIn,
    expiresAt: undefined,
    hasExpired: hasExpiredTicket,
  }
}

/** The records of several session keys, which decisions change like a database. */
class RecordsOfSite {
  readonly #records = new Map<string, SessionRecords>()
  #lastId = 0

  getState(key: string, underMarker: string | null | undefined): SessionState {
    const hasOther = underMarker !== undefined && underMarker !== null && underMarker !== key
    return { own: this.get(key), underMarker: hasOther ? this.get(underMarker) : emptyRecords }
  }

  get(key: string): SessionRecords {
    const records = this.#records.get(key) ?? emptyRecords
    // A row under another key may supersede one of these.
    const ids = new Set(records.rows.map(({ id }) => id))
    const others = [...this.#records.values()].flatMap(({ rows }) => rows)
    const rows = others.filter(
      ({ id, supersedes }) => ids.has(id) || (supersedes !== null && ids.has(supersedes)),
    )
    return { ...records, rows: rows.toSorted((a, b) => a.id - b.id) }
  }

  listRows(): KnownSessionEnd[] {
    return [...this.#records.values()].flatMap(({ rows }) => rows).toSorted((a, b) => a.id - b.id)
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) this.#applyOne(change)
  }

  #applyOne(change: Change): void {
    if (change.kind === 'putLive') this.#update(change.live.sessionKey, { live: change.live })
    if (change.kind === 'removeLive') this.#update(change.live.sessionKey, { live: undefined })
    if (change.kind === 'rememberLogout') this.#update(change.logout.sessionKey, { logout: change.logout })
    if (change.kind === 'insertReturn')
      this.#mark((row) => row.id === change.sessionReturn.auditId, { hasReturn: true })
    if (change.kind === 'insertRow') {
      const { row } = change
      this.#lastId += 1
      this.#mark(({ id }) => id === row.supersedes, { isSuperseded: true })
      const { rows } = this.#records.get(row.sessionKey) ?? emptyRecords
      const added = { ...row, id: this.#lastId, isSuperseded: false, hasReturn: false }
      this.#update(row.sessionKey, { rows: [...rows, added] })
    }
  }

  #update(key: string, changes: Partial<SessionRecords>): void {
    this.#records.set(key, { ...(this.#records.get(key) ?? emptyRecords), ...changes })
  }

  #mark(isMeant: (row: KnownSessionEnd) => boolean, changes: Partial<KnownSessionEnd>): void {
    for (const [key, { rows }] of this.#records)
      this.#update(key, { rows: rows.map((row) => (isMeant(row) ? { ...row, ...changes } : row)) })
  }
}

/** Creates an empty site whose sessions can be used, ended and swept. */
export function createSite() {
  const records = new RecordsOfSite()
  return {
    records,
    use(report: ActivityCase = {}) {
      const activity = createActivity(report)
      const { changes, answer } = decideActivity(
        records.getState(activity.sessionKey, activity.marker),
        activity,
      )
      records.apply(changes)
      return answer
    },
    end(report: EndCase = {}) {
      const end = createEnd(report)
      const key = end.report.session ?? end.report.marker ?? ''
      const { changes, answer } = decideEnd(records.getState(key, end.report.marker), end)
      records.apply(changes)
      return { ...answer, changes: changes.map(({ kind }) => kind) }
    },
    sweep(now: number, key = 'a1f') {
      const state = records.getState(key, records.get(key).live?.marker)
      const { changes, answer } = decideSweep(state, new Date(signIn + now))
      records.apply(changes)
      return answer
    },
    /** The live session `a1f`. */
    get live() {
      return records.get('a1f').live
    },
  }
}
