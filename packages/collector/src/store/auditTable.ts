import type { Knex } from 'knex'
import type { Lapse, LapseRow } from '../lapse/row.ts'
import { isSqlite } from './connect.ts'

/** The columns of the audit table in their order, by the names that the rows have in TypeScript and JSON. */
const columns = {
  site: 'site',
  sessionKey: 'session_key',
  marker: 'marker',
  session: 'session',
  subject: 'subject',
  reason: 'reason',
  evidence: 'evidence',
  detectedBy: 'detected_by',
  startedAt: 'started_at',
  lastAccessAt: 'last_access_at',
  expiredAt: 'expired_at',
  detectedAt: 'detected_at',
  receivedAt: 'received_at',
  elapsedMs: 'elapsed_ms',
  idleTimeoutSeconds: 'idle_timeout_seconds',
  absoluteTimeoutSeconds: 'absolute_timeout_seconds',
  clockSkewMs: 'clock_skew_ms',
  browserRestarted: 'browser_restarted',
  origin: 'origin',
  ip: 'ip',
  userAgent: 'user_agent',
  clientVersion: 'client_version',
} as const satisfies Record<keyof Lapse, string>

const names = Object.keys(columns) as (keyof Lapse)[]
const times = new Set<keyof LapseRow>(['startedAt', 'lastAccessAt', 'expiredAt', 'detectedAt', 'receivedAt'])

type StoredValue = string | number | boolean | Date | null

/** Reads and writes the audit table, whatever the dialect makes of times and truth values. */
export interface AuditTable {
  insert(lapse: Lapse): Promise<number>
  find(key: Pick<Lapse, 'site' | 'sessionKey'>): Promise<LapseRow | undefined>
  /** The newest rows first. */
  latest(filter: LapseFilter): Promise<LapseRow[]>
}

export interface LapseFilter {
  readonly site?: string | undefined
  readonly subject?: string | undefined
  readonly reason?: string | undefined
  readonly limit: number
}

export function auditTable(database: Knex, tableName: string): AuditTable {
  const keepsText = isSqlite(database)
  const selection = { id: 'id', ...columns }

  const stored = (value: StoredValue) => (keepsText && value instanceof Date ? value.toISOString() : value)
  const rowOf = (record: Record<keyof LapseRow, StoredValue>) =>
    // The cast is right because the columns were written from a Lapse, and these are the types that change on the way.
    Object.fromEntries(
      Object.entries(record).map(([name, value]) => {
        if (value === null) return [name, null]
        if (times.has(name as keyof LapseRow))
          return [name, value instanceof Date ? value : new Date(String(value))]
        return [name, name === 'browserRestarted' ? Boolean(value) : value]
      }),
    ) as unknown as LapseRow

  return {
    async insert(lapse) {
      const record = Object.fromEntries(names.map((name) => [columns[name], stored(lapse[name])]))
      const [id] = await database(tableName).insert(record)
      return Number(id)
    },
    async find({ site, sessionKey }) {
      const record = await database(tableName)
        .select(selection)
        .where({ site, session_key: sessionKey })
        .first()
      return record && rowOf(record)
    },
    async latest({ site, subject, reason, limit }) {
      const given = Object.entries({ site, subject, reason }).filter(([, value]) => value !== undefined)
      const records = await database(tableName)
        .select(selection)
        .where(Object.fromEntries(given))
        .orderBy('id', 'desc')
        .limit(limit)
      return records.map(rowOf)
    },
  }
}
