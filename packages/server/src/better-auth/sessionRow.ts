import { LapseServerError } from '../errors.ts'

/** The columns of better-auth's session table that Lapse needs. Times are epoch milliseconds. */
export interface SessionRow {
  readonly id: string
  /** The credential. It never leaves this process. */
  readonly token: string
  readonly userId: string
  readonly createdAt: number
  readonly expiresAt: number
  /** The administrator who acts as this user (better-auth's admin plugin). */
  readonly impersonatedBy: string | undefined
}

/**
 * Reads a row that better-auth passes to a hook. Adapters and plugins differ in what they pass.
 *
 * @throws {LapseServerError} `invalid_report` if it is no session.
 */
export function readSessionRow(value: unknown): SessionRow {
  const row: Readonly<Record<string, unknown>> =
    typeof value === 'object' && value !== null ? { ...value } : {}
  const { token, impersonatedBy } = row
  const id = readId(row.id)
  const userId = readId(row.userId)
  const createdAt = readTime(row.createdAt)
  const expiresAt = readTime(row.expiresAt)
  if (id && userId && typeof token === 'string' && createdAt !== undefined && expiresAt !== undefined)
    return { id, token, userId, createdAt, expiresAt, impersonatedBy: readId(impersonatedBy) }
  throw new LapseServerError(
    'invalid_report',
    'better-auth passed a session without id, token, userId, createdAt or expiresAt. Check the adapter and the plugins.',
  )
}

function readId(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function readTime(value: unknown): number | undefined {
  if (!(value instanceof Date) && typeof value !== 'string' && typeof value !== 'number') return undefined
  const time = new Date(value).getTime()
  return Number.isNaN(time) ? undefined : time
}
