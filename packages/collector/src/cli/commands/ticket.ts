import { Command, InvalidArgumentError } from 'commander'
import { loadSiteConfig } from '../../config/config.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { seconds } from '../options/parseSeconds.ts'
import { addKeyOptions, type KeyOptions, signingKeyOf, signTicket } from '../tickets/signTicket.ts'

interface TicketOptions extends ConfigOption, KeyOptions {
  readonly site: string
  readonly subject: string
  readonly session?: string
  readonly idle?: number
  readonly abs?: number
  readonly expires: number
}

/** `lapse ticket` signs a ticket, to try with. */
export const ticket = new Command('ticket')
  .description(
    "Sign a ticket, to try with, and print it: by the site's first HS256 secret, or by a private key.",
  )
  .addOption(configOption)
  .requiredOption('--site <site>', 'the site (iss)')
  .requiredOption('--subject <id>', 'whose session it is (sub)', given)
  .option('--session <alias>', 'the alias of the session (sid)')
  .option('--idle <seconds>', "that session's idle timeout", seconds)
  .option('--abs <seconds>', "that session's absolute timeout", seconds)
  .option('--expires <seconds>', 'from now until it is no longer good', seconds, 30 * 86_400)
  .action(async ({ config: path, expires, ...options }: TicketOptions) => {
    const key = signingKeyOf(options, () => loadSiteConfig(path))
    const issuedAt = Math.floor(Date.now() / 1000)
    const jwt = await signTicket({ ...options, issuedAt, expiresAt: issuedAt + expires }, key)
    process.stdout.write(`${jwt}\n`)
  })
addKeyOptions(ticket)

function given(text: string): string {
  if (text !== '') return text
  throw new InvalidArgumentError('Write an id: the collector takes no empty one.')
}
