import type { ActivityAnswer } from '../domain/decisions/decideActivity.ts'
import type { EndAnswer } from '../domain/decisions/decideEnd.ts'
import { findAlias } from '../domain/decisions/findAlias.ts'
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
import { type MarkerLink, MarkerLinks } from './markerLinks.ts'
import { type HistoryIds, type SessionHistory, selectHistoryIds } from './sessionHistory.ts'
import { compareIds, formatId, formatKey, type SessionId } from './sessionIds.ts'
import {
  addAlias,
  addRows,
  decide,
  describeOwner,
  findResumedMarker,
  getKeys,
  getLoneMarker,
  type SessionKeys,
  type SessionWork,
  type WorkOutcome,
} from './sessionWork.ts'

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
 * First load the live sessions, then the links of `unlinkedMarkers` and the live sessions that they lead to, then the
 * history. Call `decide`, and `assignIds` after its changes are written, until `isDecided`.
 */
export class SessionBatch {
  readonly #works: SessionWork[]
  readonly #keys: SessionKeys[]
  readonly #links = new MarkerLinks()
  readonly #entries = new Map<string, Entry>()
  readonly #outcomes: (WorkOutcome | undefined)[]
  #decided = 0
  #pending: PendingRow[] = []
  #pendingKeys = new Set<string>()
  #returns: SessionReturn[] = []
  #logouts = new Map<string, RememberedLogout>()

  constructor(works: readonly SessionWork[]) {
    this.#works = [...works]
    this.#keys = works.map(getKeys)
    this.#outcomes = works.map(() => undefined)
    for (const { site, own, underMarker } of this.#keys) {
      this.#addEntry({ site, sessionKey: own })
      if (underMarker !== undefined) {
        this.#addEntry({ site, sessionKey: underMarker })
        this.#links.add({ site, sessionKey: own, marker: underMarker })
      }
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
   * The markers of reports without an alias, whose sessions may be stored under an alias. Activity of a session that is
   * live under its marker alone is decided without looking.
   */
  get unlinkedMarkers(): readonly SessionId[] {
    const markers = new Map<string, SessionId>()
    for (const work of this.#works) {
      const marker = getLoneMarker(work)
      if (marker === undefined) continue
      const { site } = getKeys(work)
      const key = formatKey(site, marker)
      const isPlainActivity = work.kind === 'activity' && this.#entries.get(key)?.live
      if (!isPlainActivity) markers.set(key, { site, sessionKey: marker })
    }
    return [...markers.values()].sort(compareIds)
  }

  /**
   * Adds the sessions that have one of `unlinkedMarkers`.
   *
   * @returns those whose live sessions have to be loaded, in the order in which every transaction locks them.
   */
  addLinks(links: readonly MarkerLink[]): readonly SessionId[] {
    const added = links.filter((link) => !this.#entries.has(formatId(link)))
    for (const link of links) {
      this.#addEntry({ site: link.site, sessionKey: link.sessionKey })
      this.#links.add(link)
    }
    return [...new Map(added.map((link) => [formatId(link), link])).values()].sort(compareIds)
  }

  /** Returns whether a session is known that has this marker. */
  hasLink(link: MarkerLink): boolean {
    return this.#links.has(link)
  }

  /** Lists the sessions whose history is needed, once their live sessions are loaded. */
  listHistoryIds(): HistoryIds {
    this.#works.forEach((_, index) => {
      const resumed = this.#findResumed(index)
      if (resumed) this.#addEntry(resumed)
    })
    const reports = this.#works.flatMap((work, index) => {
      const keys = this.#keys[index]
      if (!keys) return []
      const isLive = this.#getEntry(keys.site, keys.own)?.live !== undefined
      return [{ work, keys, possibleKeys: this.#listPossibleKeys(index), isLive }]
    })
    return selectHistoryIds(reports, this.ids)
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
      if (this.#listPossibleKeys(this.#decided).some((key) => this.#pendingKeys.has(key))) break
      this.#nameSession(this.#decided)
      const work = this.#works[this.#decided]
      const keys = this.#keys[this.#decided]
      if (!work || !keys) break
      const { changes, answer } = decide(work, this.#getState(this.#decided, keys))
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

  /** Lists the keys of a report, and those of the sessions that it may belong to. */
  #listPossibleKeys(index: number): string[] {
    const [work, keys] = [this.#works[index], this.#keys[index]]
    if (!work || !keys) return []
    const marker = getLoneMarker(work)
    const linked = marker === undefined ? [] : this.#links.list(keys.site, marker).map(formatId)
    const resumed = this.#findResumed(index)
    return [...listKeys(keys), ...linked, ...(resumed ? [formatId(resumed)] : [])]
  }

  #getEntry(site: string, sessionKey: string): Entry | undefined {
    return this.#entries.get(formatKey(site, sessionKey))
  }

  /** The marker under which the session of an end report may have the row that it resumed. */
  #findResumed(index: number): SessionId | undefined {
    const [work, keys] = [this.#works[index], this.#keys[index]]
    if (!work || !keys) return undefined
    const marker = findResumedMarker(work, keys, this.#getEntry(keys.site, keys.own)?.live)
    return marker === undefined ? undefined : { site: keys.site, sessionKey: marker }
  }

  /** Adds the alias to a report with the marker alone, if the alias is known by now. */
  #nameSession(index: number): void {
    const work = this.#works[index]
    const marker = work && getLoneMarker(work)
    if (!work || marker === undefined) return
    const { site } = getKeys(work)
    if (work.kind === 'activity' && this.#getEntry(site, marker)?.live) return
    const candidates = this.#links.list(site, marker).flatMap((id) => this.#entries.get(formatId(id)) ?? [])
    const owner = describeOwner(work, this.#getEntry(site, marker)?.live)
    const alias = findAlias(marker, owner, candidates)
    if (alias === undefined) return
    const named = addAlias(work, alias)
    this.#works[index] = named
    this.#keys[index] = getKeys(named)
  }

  #getState(index: number, { site, own, underMarker }: SessionKeys): SessionState {
    const records = this.#getEntry(site, own) ?? emptyRecords
    const resumed = this.#findResumed(index)
    return {
      own: resumed ? addRows(records, this.#entries.get(formatId(resumed)) ?? emptyRecords) : records,
      underMarker: (underMarker !== undefined && this.#getEntry(site, underMarker)) || emptyRecords,
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

function listKeys({ site, own, underMarker }: SessionKeys): string[] {
  return underMarker === undefined
    ? [formatKey(site, own)]
    : [formatKey(site, own), formatKey(site, underMarker)]
}
