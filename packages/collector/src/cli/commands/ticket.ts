import { Command, InvalidArgumentError } from 'commander'
import { loadSiteConfig } from '../../config/loadConfig.ts'
import { daySeconds } from '../../domain/durations.ts'
import { toError } from '../../domain/thrownError.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { findSite } from '../options/findSite.ts'
import { parseSeconds } from '../options/parseSeconds.ts'
import { addSigningKeyOptions, type SigningKeyOptions } from '../options/signingKeyOptions.ts'
import { loadSigningKey } from '../tickets/signingKey.ts'
import { signTicket } from '../tickets/signTicket.ts'

interface TicketOptions extends ConfigOption, SigningKeyOptions {
  readonly site: string
  readonly subject: string
  readonly session?: string
  readonly idle?: number
  readonly abs?: number
  readonly expires?: number
}

const defaultExpirySeconds = 30 * daySeconds

/** `lapse ticket` signs a ticket for tests. */
export const ticket = new Command('ticket')
  .summary('sign a ticket for tests')
  .description(
    "Sign a ticket and print it, to try out a site that requires tickets. By default it is signed with the site's first HS256 secret. With --key it is signed with a private key. The configuration is not read if both --key and --idle are set.",
  )
  .addOption(configOption)
  .requiredOption('--site <site>', 'the site (claim iss)')
  .requiredOption('--subject <id>', 'the user (claim sub)', parseSubject)
  .option('--session <alias>', 'the session alias (claim sid)')
  .option(
    '--idle <duration>',
    "this session's idle timeout, such as 30m, or in seconds (claim idle; default: the site's)",
    parseSeconds,
  )
  .option(
    '--abs <duration>',
    "this session's absolute timeout, such as 12h, or in seconds (claim abs)",
    parseSeconds,
  )
  .option(
    '--expires <duration>',
    'how long the ticket is valid, such as 30d, or in seconds (default: 30d)',
    parseSeconds,
  )
  .action(async ({ config: path, expires = defaultExpirySeconds, ...options }: TicketOptions) => {
    const key = loadSigningKey(options, () => loadSiteConfig(path))
    const issuedAt = Math.floor(Date.now() / 1000)
    const idle = options.idle ?? readIdleTimeout(path, options.site)
    const jwt = await signTicket({ ...options, idle, issuedAt, expiresAt: issuedAt + expires }, key)
    process.stdout.write(`${jwt}\n`)
  })
addSigningKeyOptions(ticket)
addExamples(ticket, [
  {
    line: 'lapse ticket --site acme --subject u_42 --session a1f --idle 10m',
    description: "Sign a ticket with the site's secret, for a session with an idle timeout of 10 minutes.",
  },
  {
    line: 'lapse ticket --site acme --subject u_42 --key private.pem --kid 2026-01',
    description: 'Sign a ticket with a private key.',
  },
])

/** The client and the collector both use the limit in the ticket, so it always has one. */
function readIdleTimeout(configPath: string | undefined, site: string): number {
  try {
    return findSite(loadSiteConfig(configPath), site).idleTimeoutSeconds
  } catch (cause) {
    const { message } = toError(cause)
    throw new Error(`${message}\nTo sign without a configuration, set --key and --idle.`, { cause })
  }
}

function parseSubject(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('Must not be empty.')
}
