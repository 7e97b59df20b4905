import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { SignJWT } from 'jose'
import { loadConfig } from '../config.ts'
import { publicKeyAlgorithms, type TicketAlgorithm } from '../lapse/ticket.ts'
import { type ConfigOption, configOption } from './configOption.ts'

interface TicketOptions extends ConfigOption {
  readonly site: string
  readonly subject: string
  readonly session?: string
  readonly idle?: number
  readonly abs?: number
  readonly expires: number
  readonly key?: string
  readonly alg?: TicketAlgorithm
  readonly kid?: string
}

/** `lapse ticket` signs a ticket, to try with. */
export const ticket = new Command('ticket')
  .description(
    "Sign a ticket, to try with, and print it: by the site's first HS256 secret, or by a private key.",
  )
  .addOption(configOption)
  .requiredOption('--site <site>', 'the site (iss)')
  .requiredOption('--subject <id>', 'whose session it is (sub)')
  .option('--session <alias>', 'the alias of the session (sid)')
  .option('--idle <seconds>', "that session's idle timeout", seconds)
  .option('--abs <seconds>', "that session's absolute timeout", seconds)
  .option('--expires <seconds>', 'from now until it is no longer good', seconds, 30 * 86_400)
  .option('--key <file>', 'a private key, as PEM (PKCS #8) or JWK')
  .addOption(new Option('--alg <algorithm>', 'what the private key signs by').choices(publicKeyAlgorithms))
  .option('--kid <id>', 'the id of the key in its JWK set')
  .action(async (options: TicketOptions) => {
    const { site, subject, session, idle, abs, expires, kid } = options
    const { alg, key } = options.key ? readKey(options.key, options) : secretOf(options)
    const issuedAt = Math.floor(Date.now() / 1000)
    const jwt = await new SignJWT({
      ...(session && { sid: session }),
      ...(idle && { idle }),
      ...(abs && { abs }),
    })
      .setProtectedHeader({ alg, typ: 'lapse+jwt', ...(kid && { kid }) })
      .setIssuer(site)
      .setSubject(subject)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + expires)
      .sign(key)
    process.stdout.write(`${jwt}\n`)
  })

function secretOf({ config: path, site }: TicketOptions) {
  const { sites } = loadConfig(path)
  const configured = Object.hasOwn(sites, site) ? sites[site] : undefined
  if (!configured)
    throw new Error(`The configuration has no site "${site}". Add it to "sites", or correct --site.`)
  for (const written of configured.ticketKeys) {
    if ('secret' in written) return { alg: 'HS256', key: new TextEncoder().encode(written.secret) }
  }
  throw new Error(`The site "${site}" has no HS256 secret. Name the private key with --key.`)
}

const algorithmOf: Readonly<Record<string, TicketAlgorithm>> = { ed25519: 'EdDSA', ec: 'ES256', rsa: 'RS256' }

function readKey(file: string, { alg }: TicketOptions) {
  const text = readFileSync(file, 'utf8')
  const isJwk = text.trimStart().startsWith('{')
  const key = createPrivateKey(isJwk ? { key: JSON.parse(text), format: 'jwk' } : text)
  const used = alg ?? algorithmOf[key.asymmetricKeyType ?? '']
  if (!used)
    throw new Error(`The key in ${file} is none of ${publicKeyAlgorithms.join(', ')}. Name another one.`)
  return { alg: used, key }
}

function seconds(text: string): number {
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new InvalidArgumentError('Write a whole number of seconds.')
}
