import type { DashboardSession } from './dashboardSession.ts'

/**
 * Stores the sessions of people who are signed in to the dashboard.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface DashboardSessionRepository {
  add(session: DashboardSession, options: AddSessionOptions): Promise<void>
  find(cookieHash: string): Promise<DashboardSession | undefined>
  findByAlias(alias: string): Promise<DashboardSession | undefined>
  /** Moves the last access forward. It does not change a session that has ended. */
  recordAccess(cookieHash: string, at: Date): Promise<void>
  /** Ends a session on all replicas. A session that has already ended keeps its end time. */
  end(cookieHash: string, at: Date): Promise<void>
}

export interface AddSessionOptions {
  /** The cookie hash of the session that the new one replaces. That session ends. */
  readonly replaces: string | undefined
  /** Sessions that were last used before this time are deleted. */
  readonly forgetBefore: Date
}
