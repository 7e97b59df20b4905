import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProgram } from '../scripts/findProgram.ts'

/** A certificate authority for one test. All paths are of PEM files. */
export interface CertificateAuthority {
  readonly caPath: string
  /** Issues a certificate for a server or a client. */
  issue(name: string, subjectAltName: string): IssuedCertificate
}

interface IssuedCertificate {
  readonly certPath: string
  readonly keyPath: string
}

/** Creates a certificate authority that keeps its files in a folder. */
export function createCertificateAuthority(folder: string): CertificateAuthority {
  const caPath = join(folder, 'ca.pem')
  const caKeyPath = join(folder, 'ca-key.pem')
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    caKeyPath,
    '-out',
    caPath,
    '-days',
    '2',
    '-subj',
    '/CN=Test CA',
  )
  return {
    caPath,
    issue(name, subjectAltName) {
      const [certPath, keyPath] = [join(folder, `${name}.pem`), join(folder, `${name}-key.pem`)]
      const [requestPath, extensionsPath] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)]
      openssl('req', ...newKey, '-keyout', keyPath, '-out', requestPath, '-subj', `/CN=${name}`)
      writeFileSync(extensionsPath, `subjectAltName=${subjectAltName}\n`)
      const signed = ['-CA', caPath, '-CAkey', caKeyPath, '-CAcreateserial', '-days', '2']
      openssl('x509', '-req', '-in', requestPath, '-out', certPath, ...signed, '-extfile', extensionsPath)
      return { certPath, keyPath }
    },
  }
}

const newKey = ['-newkey', 'rsa:2048', '-nodes']

function openssl(...args: string[]): void {
  execFileSync(findProgram('openssl'), args, { stdio: 'pipe' })
}
