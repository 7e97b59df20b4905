import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The built client for script tags, which the collector serves. */
export interface ClientScript {
  readonly body: Buffer
  readonly version: string
  /** The value of the tag's `integrity` attribute (Subresource Integrity, section 3.1). */
  readonly integrity: string
}

/** @throws {Error} when the client has not been built. */
export function loadClientScript(): ClientScript {
  const body = readScript()
  const { version } = JSON.parse(
    readFileSync(fileURLToPath(import.meta.resolve('@lapse/client/package.json')), 'utf8'),
  )
  return { body, version, integrity: computeIntegrity(body) }
}

/** Computes the hash of a script in the format of the `integrity` attribute. */
export function computeIntegrity(body: Buffer): string {
  return `sha384-${createHash('sha384').update(body).digest('base64')}`
}

function readScript(): Buffer {
  const file = fileURLToPath(import.meta.resolve('@lapse/client/lapse.js'))
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Error(`The client script ${file} is missing. In a checkout, run "pnpm build".`, { cause })
  }
}
