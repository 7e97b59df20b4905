import type { ActivityAnswer } from '../domain/decisions/decideActivity.ts'
import type { EndAnswer } from '../domain/decisions/decideEnd.ts'
import {
  type Change,
  emptyRecords,
  type KnownSessionEnd,
  type RememberedLogout,
  type SessionReturn,
  type SessionState,
} from '../domain/decisions/sessionState.ts'
import type { LiveSession } from '../domain/liveSession.ts'
import type { NewSessionEnd, SessionEnd } from '../domain/sessionEnd.ts'
import { decide, getKeys, type SessionKeys, type SessionWork, type WorkOutcome } from './sessionWork.ts'

/** A key of the tables of sessions. */
export interface SessionId {
  readonly site: string
  readonly sessionKey: string
}

/** The rows of one session, with the key that they are read for. */
export interface SessionHistory extends SessionId {
  readonly rows: readonly KnownSessionEnd[]
  readonly logout: RememberedLogout | undefined
}

/** The changes of a batch, without those that cancel each other out. */
export interface BatchChanges {
  readonly rows: readonly NewSessionEnd[]
  readonly returns: readonly SessionReturn[]
  readonly logouts: readonly RememberedLogout[]
  /** Live sessions that the database does not have. */
  readonly registered: readonly LiveSession[]
  /** Live sessions that the database has in another state. */
  readonly moved: readonly LiveSession[]
  readonly removed: readonly SessionId[]
}

/** What is known under one key. */
interface Entry {
  readonly id: SessionId
  /** What the database has. */
  stored: LiveSession | undefined
  live: LiveSession | undefined
  rows: KnownSessionEnd[]
  logout: RememberedLogout | undefined
}

interface PendingRow {
  readonly row: NewSessionEnd
  readonly workIndex: number
}

/**
 * Decides the reports of one transaction in their order, on what the database has, and collects the changes to write.
 *
 * First load the live sessions, then the history. `next` says whether the changes so far have to be written before
 * the next report can be decided.
 */
export class SessionBatch {
  readonly #works: readonly SessionWork[]
  readonly #keys: readonly SessionKeys[]
  readonly #entries = new Map<string, Entry>()
  readonly #outcomes: (WorkOutcome | undefined)[]
  #decided = 0
  #pending: PendingRow[] = []
  #pendingKeys = new Set<string>()
  #returns: SessionReturn[] = []
  #logouts = new Map<string, RememberedLogout>()

  constructor(works: readonly SessionWork[]) {
    this.#works = works
    this.#keys = works.map(getKeys)
    this.#outcomes = works.map(() => undefined)
    for (const { site, own, underMarker } of this.#keys) {
      this.#addEntry({ site, sessionKey: own })
      if (underMarker !== undefined) this.#addEntry({ site, sessionKey: underMarker })
    }
  }

  /** The keys of all reports, in the order in which every transaction locks them. */
  get ids(): readonly SessionId[] {
    return [...this.#entries.values()].map(({ id }) => id).sort(compareIds)
  }

  loadLive(sessions: readonly LiveSession[]): void {
    for (const live of sessions) {
      const entry = this.#entries.get(formatId(live))
      if (entry) Object.assign(entry, { stored: live, live })
    }
  }

  /**
   * The keys whose rows are needed, and those whose logouts are needed too. Activity of a live session is decided
   * without them, and most ends without logouts.
   */
  get historyIds(): { readonly withRows: readonly SessionId[]; readonly withLogouts: readonly SessionId[] } {
    const endedKeys = new Set<string>()
    const markers = new Set<string>()
    this.#keys.forEach((keys, index) => {
      for (const key of listKeys(keys)) if (this.#works[index]?.kind === 'end') endedKeys.add(key)
      if (keys.underMarker !== undefined) markers.add(formatKey(keys.site, keys.underMarker))
    })
    const withRows = new Set<string>()
    const withLogouts = new Set<string>()
    this.#keys.forEach((keys, index) => {
      const all = listKeys(keys)
      const work = this.#works[index]
      const isLive = all.some((key) => this.#entries.get(key)?.live)
      const isPlainActivity = work?.kind === 'activity' && isLive && !work.activity.hasExpiredTicket
      // Another report of the batch may end the session, or take it over.
      const mayChange = all.some((key) => endedKeys.has(key)) || markers.has(formatKey(keys.site, keys.own))
      if (isPlainActivity && !mayChange) return
      const needsLogouts = work?.kind === 'activity' || work?.end.report.detectedBy === 'logout'
      for (const key of all) {
        withRows.add(key)
        if (needsLogouts) withLogouts.add(key)
      }
    })
    const { ids } = this
    return {
      withRows: ids.filter((id) => withRows.has(formatId(id))),
      withLogouts: ids.filter((id) => withLogouts.has(formatId(id))),
    }
  }

  loadHistory(histories: readonly SessionHistory[]): void {
    for (const history of histories) {
      const entry = this.#entries.get(formatId(history))
      if (entry) Object.assign(entry, { rows: [...history.rows], logout: history.logout })
    }
  }

  /** Decides reports until all are decided, or until one needs the id of a row that has not been written. */
  decide(): BatchChanges {
    for (; this.#decided < this.#works.length; this.#decided += 1) {
      const work = this.#works[this.#decided]
      const keys = this.#keys[this.#decided]
      if (!work || !keys) break
      if (listKeys(keys).some((key) => this.#pendingKeys.has(key))) break
      const { changes, answer } = decide(work, this.#getState(keys))
      for (const change of changes) this.#apply(change, keys)
      this.#outcomes[this.#decided] = toOutcome(answer)
    }
    return this.#takeChanges()
  }

  get isDecided(): boolean {
    return this.#decided === this.#works.length
  }

  /** Completes the rows that `decide` returned last. */
  assignIds(ids: readonly number[]): void {
    this.#pending.forEach(({ row, workIndex }, index) => {
      const written: SessionEnd = { id: ids[index] ?? 0, ...row }
      this.#outcomes[workIndex] = { kind: 'recorded', row: written, duplicate: false }
      const keys = this.#keys[workIndex]
      for (const key of keys ? listKeys(keys) : []) this.#addRow(key, written)
    })
    this.#pending = []
    this.#pendingKeys = new Set()
  }

  /** The outcomes in the order of the reports. */
  get outcomes(): readonly WorkOutcome[] {
    return this.#outcomes.map(
      (outcome) => outcome ?? { kind: 'failed', refusal: new Error('The report has no outcome.') },
    )
  }

  #addEntry(id: SessionId): void {
    const key = formatId(id)
    if (this.#entries.has(key)) return
    this.#entries.set(key, { id, stored: undefined, live: undefined, rows: [], logout: undefined })
  }

  #getState({ site, own, underMarker }: SessionKeys): SessionState {
    return {
      own: this.#entries.get(formatKey(site, own)) ?? emptyRecords,
      underMarker:
        (underMarker !== undefined && this.#entries.get(formatKey(site, underMarker))) || emptyRecords,
    }
  }

  #apply(change: Change, keys: SessionKeys): void {
    switch (change.kind) {
      case 'insertRow':
        this.#pending.push({ row: change.row, workIndex: this.#decided })
        for (const key of listKeys(keys)) this.#pendingKeys.add(key)
        break
      case 'insertReturn':
        this.#returns.push(change.sessionReturn)
        this.#markReturn(change.sessionReturn.auditId, keys)
        break
      case 'putLive':
        this.#update(change.live, { live: change.live })
        break
      case 'removeLive':
        this.#update(change.live, { live: undefined })
        break
      case 'rememberLogout':
        this.#logouts.set(formatId(change.logout), change.logout)
        this.#update(change.logout, { logout: change.logout })
        break
    }
  }

  #update(id: SessionId, changes: Partial<Pick<Entry, 'live' | 'logout'>>): void {
    Object.assign(this.#entries.get(formatId(id)) ?? {}, changes)
  }

  #markReturn(auditId: number, keys: SessionKeys): void {
    for (const key of listKeys(keys)) {
      const entry = this.#entries.get(key)
      if (entry)
        entry.rows = entry.rows.map((row) => (row.id === auditId ? { ...row, hasReturn: true } : row))
    }
  }

  #addRow(key: string, row: SessionEnd): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    const belongs = key === formatId(row) || entry.rows.some(({ id }) => id === row.supersedes)
    if (!belongs) return
    entry.rows = entry.rows.map((each) =>
      each.id === row.supersedes ? { ...each, isSuperseded: true } : each,
    )
    entry.rows.push({ ...row, isSuperseded: false, hasReturn: false })
  }

  #takeChanges(): BatchChanges {
    const changed = [...this.#entries.values()].filter(({ stored, live }) => stored !== live)
    const changes = {
      rows: this.#pending.map(({ row }) => row),
      returns: this.#returns,
      logouts: [...this.#logouts.values()],
      registered: changed.filter(({ stored }) => !stored).flatMap(({ live }) => live ?? []),
      moved: changed.filter(({ stored }) => stored).flatMap(({ live }) => live ?? []),
      removed: changed.filter(({ live }) => !live).map(({ id }) => id),
    }
    for (const entry of changed) entry.stored = entry.live
    this.#returns = []
    this.#logouts = new Map()
    return changes
  }
}

/** @returns undefined for a row that has no id yet. */
function toOutcome(answer: ActivityAnswer | EndAnswer): WorkOutcome | undefined {
  if (answer.kind === 'recorded') return undefined
  return answer.kind === 'duplicate' ? { kind: 'recorded', row: answer.row, duplicate: true } : answer
}

const formatKey = (site: string, sessionKey: string) => `${site}\n${sessionKey}`
const formatId = ({ site, sessionKey }: SessionId) => formatKey(site, sessionKey)

function listKeys({ site, own, underMarker }: SessionKeys): string[] {
  return underMarker === undefined
    ? [formatKey(site, own)]
    : [formatKey(site, own), formatKey(site, underMarker)]
}

function compareIds(a: SessionId, b: SessionId): number {
  if (a.site !== b.site) return a.site < b.site ? -1 : 1
  return a.sessionKey < b.sessionKey ? -1 : Number(a.sessionKey > b.sessionKey)
}
