import type { AppOptions } from '../../examples/_shared/options.ts'

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

export interface DemoOptions extends AppOptions {
  /** The site's name in the collector's configuration. */
  readonly site: string
  /** Reads the audit table, newest row first. If given, the pages show the table live. */
  readonly readAuditRows?: () => Promise<readonly AuditRow[]>
}
