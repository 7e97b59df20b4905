import { Command, InvalidArgumentError, Option } from 'commander'
import {
  hashToken,
  isTokenValid,
  mintToken,
  type Token,
  type TokenScope,
  tokenScopes,
} from '../auth/token.ts'
import { loadStoreConfig } from '../config/config.ts'
import { opaque } from '../domain/endReport.ts'
import { validate } from '../domain/validation/validate.ts'
import { type ConfigOption, configOption } from './configOption.ts'
import { printTable } from './printTable.ts'
import { siteNamed } from './siteNamed.ts'
import { withStore } from './withStore.ts'

interface CreateOptions extends ConfigOption {
  readonly scope: TokenScope
  readonly site?: string
  readonly name?: string
  readonly expires?: number
}

const create = new Command('create')
  .description('Make a bearer token and print it, once: only its hash is stored.')
  .addOption(configOption)
  .addOption(
    new Option('--scope <scope>', 'write: post events as a server; read: read the audit')
      .choices(tokenScopes)
      .makeOptionMandatory(),
  )
  .option('--site <site>', 'good for this site only')
  .option('--name <text>', 'what it is for', tokenName)
  .option('--expires <days>', 'for how many days it is good (default: until it is revoked)', days)
  .action(async ({ config: path, scope, site, name, expires }: CreateOptions) => {
    const config = loadStoreConfig(path)
    if (site !== undefined) siteNamed(config, site)
    const { id, token } = mintToken()
    const createdAt = new Date()
    const expiresAt = expires === undefined ? null : new Date(createdAt.getTime() + expires * 86_400_000)
    const stored: Token = {
      id,
      name: name ?? null,
      scope,
      site: site ?? null,
      hash: hashToken(token),
      createdAt,
      expiresAt,
      revokedAt: null,
    }
    await withStore(config, (store) => store.tokens.add(stored))
    process.stdout.write(`${token}\n`)
    process.stderr.write(`Keep it now: it is not shown again. Its id is ${id}.\n`)
  })

const list = new Command('list')
  .description('Print the tokens that were made, oldest first. Times are UTC.')
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const tokens = await withStore(loadStoreConfig(path), (store) => store.tokens.list())
    if (tokens.length === 0) process.stdout.write('No tokens. Make one with: lapse token create\n')
    else printTable(headings, tokens)
  })

const headings: Readonly<Record<string, (token: Token) => string | Date | null>> = {
  id: (token) => token.id,
  scope: (token) => token.scope,
  site: (token) => token.site ?? 'all',
  name: (token) => token.name,
  created_at: (token) => token.createdAt,
  expires_at: (token) => token.expiresAt,
  state: (token) => (isTokenValid(token, Date.now()) ? 'good' : token.revokedAt ? 'revoked' : 'expired'),
}

const revoke = new Command('revoke')
  .description('End a token at once, on all replicas.')
  .argument(
    '<id>',
    'the id that `lapse token list` shows; the whole token works too, but others could see it in the list of processes',
  )
  .addOption(configOption)
  .action(async (given: string, { config: path }: ConfigOption) => {
    const id = /^lapse_([0-9a-f]{16})_/.exec(given)?.[1] ?? given
    if (!(await withStore(loadStoreConfig(path), (store) => store.tokens.revoke(id, new Date()))))
      throw new Error(`There is no token ${id}. See them with: lapse token list`)
    process.stdout.write(`The token ${id} is revoked.\n`)
  })

/** `lapse token` makes, lists and revokes the bearer tokens of servers and readers. */
export const token = new Command('token')
  .description('Make, list and revoke the bearer tokens of servers and readers.')
  .addCommand(create)
  .addCommand(list)
  .addCommand(revoke)

function tokenName(text: string): string {
  const name = validate(opaque(255), text)
  if (name.success) return name.data
  throw new InvalidArgumentError(`The name ${name.faults[0]?.detail}.`)
}

function days(text: string): number {
  const count = Number(text)
  if (/^\d+(\.\d+)?$/.test(text) && count > 0 && count <= 3650) return count
  throw new InvalidArgumentError('Write a number of days, at most 3650.')
}
