/** The fields of an audit row that the pages show. Times are ISO 8601 in UTC. */
export interface AuditRow {
  readonly id: number
  readonly subject: string | null
  readonly session: string | null
  readonly reason: string
  readonly evidence: string
  readonly lastAccessAt: string
  readonly expiredAt: string | null
  readonly detectedAt: string
  readonly elapsedMs: number
  readonly idleTimeoutSeconds: number | null
}

export interface DemoOptions {
  /** The site's name in the collector's configuration. */
  readonly site: string
  /** The origin that serves `/lapse.js`, such as `http://127.0.0.1:4780`. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
  /** Signs the tickets: at least 32 bytes, the same in the collector's configuration. */
  readonly ticketSecret: string
  /** Reads the audit table, newest row first. When given, the pages show it live. */
  readonly auditRows?: () => Promise<readonly AuditRow[]>
}
