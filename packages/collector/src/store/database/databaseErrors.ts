import { setTimeout as sleep } from 'node:timers/promises'
import type { Knex } from 'knex'
import { describeDatabaseError } from '../../observability/describeDatabaseError.ts'
import { DatabaseSettingError } from './mysql/mysqlSettings.ts'
import { TlsFileError } from './mysql/mysqlTls.ts'
import { SqliteFileError } from './sqlite/sqliteFile.ts'

/**
 * What a database answers when a statement or a transaction lost against another one and may be tried again: a
 * deadlock (also what Galera says of a conflict between nodes), a lock that was not freed in time, a row that changed
 * since the transaction's snapshot (MariaDB 11), and a commit that Group Replication did not certify.
 */
const retryableCodes = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  'ER_ERROR_DURING_COMMIT',
]

export function hasErrorCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

export function isRetryable(error: unknown): boolean {
  return hasErrorCode(error, retryableCodes)
}

const attempts = 5
const maxPauseMs = 20

/** Runs a transaction, and again from its beginning when it lost against another one. */
export async function runTransaction<T>(
  database: Knex,
  work: (transaction: Knex.Transaction) => Promise<T>,
  attempt = 1,
): Promise<T> {
  try {
    return await database.transaction(work)
  } catch (error) {
    if (attempt >= attempts || !isRetryable(error)) throw error
    await sleep(Math.random() * maxPauseMs * attempt)
    return runTransaction(database, work, attempt + 1)
  }
}

const checkCertificates = 'Check ssl-ca, and that the certificate names the host as the database URL does.'

/** Errors that the same configuration meets again at every try, with what to do about them. */
const permanentFailures: Readonly<Record<string, string>> = {
  ER_SECURE_TRANSPORT_REQUIRED:
    'The server accepts encrypted connections only (require_secure_transport): remove ssl-mode=DISABLED from the database URL.',
  ER_ACCESS_DENIED_ERROR:
    'Check the user and the password in the database URL. If the server requires encryption (require_secure_transport), ' +
    'remove ssl-mode=DISABLED; if the account requires a client certificate, add ssl-cert and ssl-key.',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'Check the user and the password in the database URL.',
  ER_DBACCESS_DENIED_ERROR: 'Grant the account its rights on this database.',
  AUTH_SWITCH_PLUGIN_ERROR:
    'A false server could read it: enable TLS on the server, and set ssl-mode=VERIFY_IDENTITY in the database URL.',
  HANDSHAKE_NO_SSL_SUPPORT:
    'The server does not offer TLS: enable it there, or allow ssl-mode=PREFERRED in the database URL.',
  HANDSHAKE_SSL_ERROR: checkCertificates,
  DEPTH_ZERO_SELF_SIGNED_CERT: checkCertificates,
  ERR_TLS_CERT_ALTNAME_INVALID: checkCertificates,
  SELF_SIGNED_CERT_IN_CHAIN: checkCertificates,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: checkCertificates,
}

const hints: Readonly<Record<string, string>> = {
  ...permanentFailures,
  ER_NO_SUCH_TABLE: 'Run: lapse migrate',
  ER_BAD_DB_ERROR: 'Run: lapse migrate',
  ER_MAX_PREPARED_STMT_COUNT_REACHED:
    'Raise max_prepared_stmt_count on the server: each connection keeps up to 50.',
  ER_OPTION_PREVENTS_STATEMENT: 'Name the host that takes writes in the database URL.',
  ER_READ_ONLY_MODE: 'Name the host that takes writes in the database URL.',
}

const otherServerHint = 'Check that the database runs, and the URL, the account and its rights.'

/** By the primary code: SQLite's extended ones, such as SQLITE_READONLY_DIRECTORY, begin with it. */
const sqliteHints: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'Another program has the file locked. Wait for it, or end it.',
  SQLITE_CANTOPEN: 'Give this account the right to read and write the file and its folder.',
  SQLITE_CORRUPT: 'The file is damaged. Restore it from a backup.',
  SQLITE_ERROR: 'If a table is missing, run: lapse migrate',
  SQLITE_FULL: 'Free some space on the disk.',
  SQLITE_IOERR: 'Check the disk, and that it has space left.',
  SQLITE_LOCKED: 'Another program has the file locked. Wait for it, or end it.',
  SQLITE_NOTADB: 'The file is not an SQLite database. Correct the path in "database".',
  SQLITE_PERM: 'Give this account the right to read and write the file and its folder.',
  SQLITE_READONLY: 'Give this account the right to write the file and its folder.',
}
const otherSqliteHint = 'Check the file, its rights and the path in "database".'

function hintFor(code: string): string {
  const [primary] = /^SQLITE_[A-Z]+/.exec(code) ?? []
  if (primary !== undefined) return sqliteHints[primary] ?? otherSqliteHint
  return hints[code] ?? otherServerHint
}

/** Whether waiting does not help: the configuration or the server has to change. */
export function isPermanent(error: unknown): boolean {
  return (
    error instanceof DatabaseSettingError ||
    error instanceof TlsFileError ||
    hasErrorCode(error, Object.keys(permanentFailures))
  )
}

/** What failed and what to do, in one or two sentences. */
export function describeFailure(error: unknown): string {
  if (
    error instanceof DatabaseSettingError ||
    error instanceof SqliteFileError ||
    error instanceof TlsFileError
  )
    return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const why = (error instanceof Error && describeDatabaseError(error)) || code || String(error)
  return `${why.replace(/\.$/, '')}. ${hintFor(code)}`
}
