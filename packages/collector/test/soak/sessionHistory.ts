/** How a simulated user stops using a session. */
export type Ending =
  /** Goes away and never returns. */
  | 'leaves'
  /** Signs out. */
  | 'logsOut'
  /** Comes back after the limit, to the login page. */
  | 'returns'
  /** A server ends the session while the user works. */
  | 'isRevoked'
  /** Works until the test ends. */
  | 'stays'

/** A report that was sent, and what became of it. Times are epoch milliseconds. */
export interface SentReport {
  readonly kind: 'activity' | 'end'
  readonly lastAccessAt: number
  readonly sentAt: number
  readonly answeredAt: number
  /** 0 if nothing answered. */
  readonly status: number
  /** Only of an end report: the id of the row, if there is one. */
  readonly rowId?: number | null
}

/** What really happened in a session. It knows nothing of the collector but the answers. */
export interface SessionHistory {
  readonly site: string
  readonly session: string
  readonly marker?: string
  readonly ending: Ending
  readonly reports: SentReport[]
  /** When the user last worked. Grows while the user works. */
  lastUsedAt: number
  hasLeft: boolean
}

export function isConfirmed({ status }: Pick<SentReport, 'status'>): boolean {
  return status >= 200 && status < 300
}
