import { Command, InvalidArgumentError, Option } from 'commander'
import { hashToken, mintToken, type Token, type TokenScope, tokenScopes } from '../../auth/token.ts'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { dayMs } from '../../domain/durations.ts'
import { parseDuration } from '../../domain/text/parseDuration.ts'
import { createPlainTextSchema } from '../../domain/validation/fieldSchemas.ts'
import { validate } from '../../domain/validation/validate.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { findSite } from '../options/findSite.ts'
import { withStore } from '../withStore.ts'

interface CreateTokenOptions extends ConfigOption {
  readonly scope: TokenScope
  readonly site?: string
  readonly name?: string
  /** In milliseconds. */
  readonly expires?: number
}

const maxDays = 3650
/** In characters. */
const maxNameLength = 255

/** `lapse token create` prints a new token. */
export const createToken = new Command('create')
  .summary('create a bearer token and print it')
  .description(
    'Create a bearer token and print it on standard output. It is not shown again: the database stores only its hash.',
  )
  .addOption(configOption)
  .addOption(
    new Option(
      '--scope <scope>',
      'what the token allows: write lets a server report session ends; read lets a program or person read rows',
    )
      .choices(tokenScopes)
      .makeOptionMandatory(),
  )
  .option('--site <site>', 'allow this site only (default: all sites)')
  .option('--name <text>', 'a name for the list of tokens', parseTokenName)
  .option(
    '--expires <duration>',
    `expire after this time, such as 12h or 90d, or a number of days; at most ${maxDays} days (default: never)`,
    parseExpiry,
  )
  .action(async ({ config: path, scope, site, name, expires }: CreateTokenOptions) => {
    const config = loadStoreConfig(path)
    if (site !== undefined) findSite(config, site)
    const { id, token } = mintToken()
    const createdAt = new Date()
    const row: Token = {
      id,
      name: name ?? null,
      scope,
      site: site ?? null,
      hash: hashToken(token),
      createdAt,
      expiresAt: expires === undefined ? null : new Date(createdAt.getTime() + expires),
      revokedAt: null,
    }
    await withStore(config, (store) => store.tokens.add(row))
    process.stdout.write(`${token}\n`)
    process.stderr.write(`Save this token now: it cannot be shown again. Its id is ${id}.\n`)
  })
addExamples(createToken, [
  {
    line: 'lapse token create --scope write --site acme --name "acme backend"',
    description: 'Create a token for the server of one application.',
  },
  {
    line: 'lapse token create --scope read --expires 30d',
    description: 'Create a token that reads the rows of all sites for 30 days, for example in the dashboard.',
  },
])

function parseTokenName(text: string): string {
  const name = validate(createPlainTextSchema(maxNameLength), text)
  if (name.success) return name.data
  throw new InvalidArgumentError(`The name ${name.faults[0]?.detail}.`)
}

function parseExpiry(text: string): number {
  const expiry = /^\d+(\.\d+)?$/.test(text) ? Number(text) * dayMs : (parseDuration(text) ?? 0)
  if (expiry > 0 && expiry <= maxDays * dayMs) return expiry
  throw new InvalidArgumentError(
    `Must be a duration such as 12h or 90d, or a number of days, more than 0 and at most ${maxDays} days.`,
  )
}
