import { readFileSync } from 'node:fs'
import type { SslOptions } from 'mysql2'
import { readErrorCode } from '../../../domain/thrownError.ts'

/** MySQL's names, from weakest to strongest: https://dev.mysql.com/doc/refman/8.4/en/connection-options.html */
export const sslModes = ['DISABLED', 'PREFERRED', 'REQUIRED', 'VERIFY_CA', 'VERIFY_IDENTITY'] as const
export type SslMode = (typeof sslModes)[number]

/** How connections to the database are encrypted, and which certificates are verified and presented. */
export interface TlsSettings {
  readonly mode: SslMode
  /** A PEM file of trusted certificate authorities. The system's authorities by default. */
  readonly caPath?: string
  /** PEM files of the client's certificate and its private key. */
  readonly certPath?: string
  readonly keyPath?: string
}

/** A certificate file of a database connection cannot be read. The message says which and why. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError'
}

/**
 * Reads the certificates and returns the driver's options. It reads the files each time, so a renewed certificate needs
 * no restart.
 *
 * @returns undefined for an unencrypted connection.
 * @throws {TlsFileError} when a file cannot be read.
 */
export function readTlsOptions({ mode, caPath, certPath, keyPath }: TlsSettings): SslOptions | undefined {
  if (mode === 'DISABLED') return undefined
  return {
    ...(caPath !== undefined && { ca: readPem('ssl-ca', caPath) }),
    ...(certPath !== undefined && { cert: readPem('ssl-cert', certPath) }),
    ...(keyPath !== undefined && { key: readPem('ssl-key', keyPath) }),
    rejectUnauthorized: mode === 'VERIFY_CA' || mode === 'VERIFY_IDENTITY',
    verifyIdentity: mode === 'VERIFY_IDENTITY',
  }
}

function readPem(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const reason = readErrorCode(cause) ?? cause
    throw new TlsFileError(`The file ${path} (${option} in the database URL) cannot be read: ${reason}.`, {
      cause,
    })
  }
}
