import { readFile } from 'node:fs/promises'
import { readErrorCode } from '../../domain/thrownError.ts'
import { DeliveryError } from '../sender.ts'

/** The PEM files of a connection. */
export interface TlsFiles {
  /** The certificate authorities to trust. Those that Node.js trusts by default. */
  readonly caPath?: string | undefined
  /** The client's certificate and its private key. */
  readonly certPath?: string | undefined
  readonly keyPath?: string | undefined
}

/**
 * Reads the files, for each connection again, so that a renewed certificate needs no restart.
 *
 * @throws {DeliveryError} if one cannot be read.
 */
export async function readTlsFiles({ caPath, certPath, keyPath }: TlsFiles) {
  const [ca, cert, key] = await Promise.all([
    readPem('caPath', caPath),
    readPem('certPath', certPath),
    readPem('keyPath', keyPath),
  ])
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) }
}

async function readPem(setting: string, path: string | undefined): Promise<Buffer | undefined> {
  if (path === undefined) return undefined
  try {
    return await readFile(path)
  } catch (error) {
    const code = readErrorCode(error)
    throw new DeliveryError(`The file ${path} (${setting}) cannot be read: ${code}.`, { code })
  }
}
