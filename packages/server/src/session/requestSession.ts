import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import type { EndReason } from '../reports.ts'
import { attempt } from './attempt.ts'
import type { TagOptions } from './renderTag.ts'
import {
  isIdleTimeout,
  maxIdleTimeoutSeconds,
  readStoredSession,
  type Session,
  type StoredSession,
} from './session.ts'
import { reportEnd } from './sessionChange.ts'

/** Where the host's framework keeps the session of a request. */
export interface SessionData {
  /** Reads what was stored, whoever stored it. Undefined if there is no session. */
  read(): unknown
  /** Stores it. Throws if there is no session to store it in. */
  write(session: StoredSession): void
}

/** The limit of a session that differs from the option of `createLapseServer`. */
type OwnLimit = Pick<Session, 'idleTimeoutSeconds'>

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

  /** The signed-in session at this point of the request. */
  read(): StoredSession | undefined {
    return this.#read()?.session
  }

  /** Starts a session. A session that is still alive was displaced by it. */
  signIn(subject: string | number, options: OwnLimit = {}): StoredSession | undefined {
    return attempt(this.#lapse, () => {
      const session = this.#createSession(subject, options)
      this.#end('displaced')
      this.#data.write(session)
      this.#known = session
      this.#lapse.active(session)
      return session
    })
  }

  /** Reports that the application ends the session. */
  signOut(reason: EndReason): void {
    this.#end(reason)
  }

  renderTag(options: TagOptions): string {
    const known = this.#read()
    return known ? this.#lapse.tag(known.session ?? null, options) : ''
  }

  /**
   * Reports that the session is in use, while the application is still busy with the request. What becomes of the session
   * is not known yet: between signing out the last user and signing in the next one, there is no session either.
   */
  reportActivity(): void {
    const current = this.read()
    if (current && current.session === this.#known?.session) this.#reportActivity(current)
  }

  /**
   * Compares the session with what it was. Call it when the application is done with the request.
   *
   * @param isActivity whether the request has extended the session.
   */
  compare(isActivity: boolean): void {
    const known = this.#read()
    if (!known) return
    const current = known.session
    if (!current) this.#end('logout')
    else if (this.#known && this.#known.session !== current.session) this.#end('displaced')
    if (current && isActivity) this.#reportActivity(current)
    this.#known = current
  }

  /** Returns undefined if the host cannot say whether there is a session. */
  #read(): { readonly session: StoredSession | undefined } | undefined {
    return attempt(this.#lapse, () => ({ session: readStoredSession(this.#data.read()) }))
  }

  #createSession(subject: string | number, { idleTimeoutSeconds }: OwnLimit): StoredSession {
    const session = this.#lapse.createSession(subject)
    if (idleTimeoutSeconds === undefined) return session
    if (isIdleTimeout(idleTimeoutSeconds)) return { ...session, idleTimeoutSeconds }
    throw new LapseServerError(
      'invalid_report',
      `signIn: idleTimeoutSeconds is not a whole number of seconds from 1 to ${maxIdleTimeoutSeconds}.`,
    )
  }

  #reportActivity(session: StoredSession): void {
    this.#lapse.active({ ...session, lastAccessAt: this.#startedAt })
  }

  /**
   * Without `lastAccessAt`: the collector knows it from the activity, and finds out whether a limit had passed before.
   * That is the reason if the application has its own idle timer.
   */
  #end(reason: EndReason): void {
    if (this.#known) reportEnd(this.#lapse, { stored: this.#known }, reason)
    this.#known = undefined
  }
}
