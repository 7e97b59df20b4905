import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import type { TagOptions } from './renderTag.ts'
import { readStoredSession, type StoredSession } from './session.ts'

/** Where the host's framework keeps the session of a request. */
export interface SessionData {
  /** Reads what was stored, whoever stored it. Undefined if there is no session. */
  read(): unknown
  /** Stores it. Throws if there is no session to store it in. */
  write(session: StoredSession): void
}

/** What `RequestSession` needs of a `LapseServer`. */
export type SessionReporter = Pick<LapseServer, 'active' | 'createSession' | 'ended' | 'reportError' | 'tag'>

/**
 * Follows the session of one request, for frameworks whose requests have session data. What the application does with
 * the session is found out by comparing: signed out, signed in as somebody else, or in use.
 */
export class RequestSession {
  readonly #lapse: SessionReporter
  readonly #data: SessionData
  readonly #startedAt = Date.now()
  /** The session that has not been reported as ended. */
  #known: StoredSession | undefined

  constructor(lapse: SessionReporter, data: SessionData) {
    this.#lapse = lapse
    this.#data = data
    this.#known = this.read()
  }

  /** The signed-in session, as far as the application has come. */
  read(): StoredSession | undefined {
    try {
      return readStoredSession(this.#data.read())
    } catch (error) {
      this.#lapse.reportError(error)
      return undefined
    }
  }

  /** Starts a session. A session that is still alive was displaced by it. */
  signIn(subject: string | number): StoredSession | undefined {
    try {
      const session = this.#lapse.createSession(subject)
      this.#end('displaced')
      this.#data.write(session)
      this.#known = session
      this.#lapse.active(session)
      return session
    } catch (error) {
      this.#lapse.reportError(error)
      return undefined
    }
  }

  /** Reports that the application ends the session. */
  signOut(reason: EndReason): void {
    this.#end(reason)
  }

  renderTag(options: TagOptions): string {
    return this.#lapse.tag(this.read() ?? null, options)
  }

  /**
   * Compares the session with what it was. Call it when the application is done with the request, and also if that takes
   * long.
   *
   * @param isActivity whether the request has extended the session.
   */
  compare(isActivity: boolean): void {
    const current = this.read()
    if (!current) this.#end('logout')
    else if (this.#known && this.#known.session !== current.session) this.#end('displaced')
    if (current && isActivity) this.#lapse.active({ ...current, lastAccessAt: this.#startedAt })
    this.#known = current
  }

  /**
   * Without `lastAccessAt`: the collector knows it from the activity, and finds out whether a limit had passed before.
   * That is the reason if the application has its own idle timer.
   */
  #end(reason: EndReason): void {
    if (this.#known) this.#lapse.ended({ ...this.#known, reason })
    this.#known = undefined
  }
}
