import { hasErrorCode, readErrorCode } from '../../domain/thrownError.ts'
import { describeDatabaseError } from '../../observability/describeDatabaseError.ts'
import { DatabaseSettingError } from './mysql/mysqlSettings.ts'
import { TlsFileError } from './mysql/mysqlTls.ts'
import { SqliteFileError } from './sqlite/sqliteFile.ts'

/**
 * The statement or transaction lost to a concurrent one and may be retried: a deadlock (on Galera, also a conflict
 * between nodes), a lock wait timeout, a row that changed after the transaction's snapshot (MariaDB 11), or a commit
 * that Group Replication did not certify.
 */
const retryableCodes = [
  'ER_LOCK_DEADLOCK',
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_CHECKREAD',
  'ER_TRANSACTION_ROLLBACK_DURING_COMMIT',
  'ER_ERROR_DURING_COMMIT',
]

export function isRetryable(error: unknown): boolean {
  return hasErrorCode(error, retryableCodes)
}

const certificateHint = 'Check ssl-ca, and that the certificate names the host as the database URL does.'

/** Failures that persist until the configuration or the server changes, and what to do about them. */
const permanentFailureHints: Readonly<Record<string, string>> = {
  ER_SECURE_TRANSPORT_REQUIRED:
    'The server accepts encrypted connections only (require_secure_transport): remove ssl-mode=DISABLED from the database URL.',
  ER_ACCESS_DENIED_ERROR:
    'Check the user and the password in the database URL. If the server requires encryption (require_secure_transport), ' +
    'remove ssl-mode=DISABLED; if the account requires a client certificate, add ssl-cert and ssl-key.',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'Check the user and the password in the database URL.',
  ER_DBACCESS_DENIED_ERROR: 'Grant the account its privileges on this database.',
  AUTH_SWITCH_PLUGIN_ERROR:
    'An impostor could read it: enable TLS on the server, and set ssl-mode=VERIFY_IDENTITY in the database URL.',
  HANDSHAKE_NO_SSL_SUPPORT:
    'The server does not offer TLS: enable it there, or allow ssl-mode=PREFERRED in the database URL.',
  HANDSHAKE_SSL_ERROR: certificateHint,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificateHint,
  ERR_TLS_CERT_ALTNAME_INVALID: certificateHint,
  SELF_SIGNED_CERT_IN_CHAIN: certificateHint,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificateHint,
}

const hints: Readonly<Record<string, string>> = {
  ...permanentFailureHints,
  ER_NO_SUCH_TABLE: 'Run: lapse migrate',
  ER_BAD_DB_ERROR: 'Run: lapse migrate',
  ER_MAX_PREPARED_STMT_COUNT_REACHED:
    'Raise max_prepared_stmt_count on the server: each connection keeps up to 50.',
  ER_OPTION_PREVENTS_STATEMENT: 'Use a host that accepts writes in the database URL.',
  ER_READ_ONLY_MODE: 'Use a host that accepts writes in the database URL.',
}

const otherServerHint =
  'Check that the database is running, and check the URL, the account and its privileges.'

/** By primary result code. Extended codes, such as SQLITE_READONLY_DIRECTORY, start with it. */
const sqliteHints: Readonly<Record<string, string>> = {
  SQLITE_BUSY: 'Another program has locked the file. Wait for it to finish, or stop it.',
  SQLITE_CANTOPEN: 'Allow this account to read and write the file and its folder.',
  SQLITE_CORRUPT: 'The file is damaged. Restore it from a backup.',
  SQLITE_ERROR: 'If a table is missing, run: lapse migrate',
  SQLITE_FULL: 'Free up disk space.',
  SQLITE_IOERR: 'Check the disk and its free space.',
  SQLITE_LOCKED: 'Another program has locked the file. Wait for it to finish, or stop it.',
  SQLITE_NOTADB: 'The file is not an SQLite database. Correct the path in "database".',
  SQLITE_PERM: 'Allow this account to read and write the file and its folder.',
  SQLITE_READONLY: 'Allow this account to write to the file and its folder.',
}
const otherSqliteHint = 'Check the file, its permissions and the path in "database".'

function findHint(code: string): string {
  const [primary] = /^SQLITE_[A-Z]+/.exec(code) ?? []
  if (primary !== undefined) return sqliteHints[primary] ?? otherSqliteHint
  return hints[code] ?? otherServerHint
}

/** Returns whether retrying cannot help: the configuration or the server has to change. */
export function isPermanent(error: unknown): boolean {
  return (
    error instanceof DatabaseSettingError ||
    error instanceof TlsFileError ||
    hasErrorCode(error, Object.keys(permanentFailureHints))
  )
}

const privilegeCodes = ['ER_TABLEACCESS_DENIED_ERROR', 'ER_COLUMNACCESS_DENIED_ERROR']

interface DescribeOptions {
  /** What to do when the account lacks a privilege on the table. */
  readonly privilegeHint?: string | undefined
}

/** Describes what failed and what to do, in one or two sentences. */
export function describeFailure(error: unknown, { privilegeHint }: DescribeOptions = {}): string {
  if (
    error instanceof DatabaseSettingError ||
    error instanceof SqliteFileError ||
    error instanceof TlsFileError
  )
    return error.message
  const code = readErrorCode(error) ?? ''
  const reason = (error instanceof Error && describeDatabaseError(error)) || code || String(error)
  const hint = privilegeCodes.includes(code) ? (privilegeHint ?? otherServerHint) : findHint(code)
  return `${reason.replace(/\.$/, '')}. ${hint}`
}

/**
 * Copies an error of a database driver without the statement and its values, which drivers attach to their errors.
 * Other errors are returned unchanged.
 */
export function sanitizeError(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (!('sql' in error || 'parameters' in error || describeDatabaseError(error) !== error.message))
    return error
  const { code, errno, sqlState } = { errno: undefined, sqlState: undefined, ...error }
  const copy = new Error(describeDatabaseError(error))
  copy.name = error.name
  // A stack starts with the message.
  if (error.stack !== undefined) copy.stack = error.stack.replace(error.message, copy.message)
  return Object.assign(copy, { code, errno, sqlState })
}
