import { Command } from 'commander'
import { isTokenValid, type Token } from '../../auth/token.ts'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { type Columns, printTable } from '../output/printTable.ts'
import { withStore } from '../withStore.ts'

/** `lapse token list` prints all tokens, without their secrets. */
export const listTokens = new Command('list')
  .summary('print all tokens')
  .description(
    'Print all tokens with their ids and states, oldest first. Times are in UTC. The tokens themselves are not stored.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const tokens = await withStore(loadStoreConfig(path), (store) => store.tokens.list())
    if (tokens.length === 0) process.stdout.write('No tokens. Create one with: lapse token create\n')
    else printTable(columns, tokens)
  })

const columns: Columns<Token> = {
  id: (token) => token.id,
  scope: (token) => token.scope,
  site: (token) => token.site ?? 'all',
  name: (token) => token.name,
  created_at: (token) => token.createdAt,
  expires_at: (token) => token.expiresAt,
  state: formatState,
}

function formatState(token: Token): string {
  if (isTokenValid(token, Date.now())) return 'valid'
  return token.revokedAt ? 'revoked' : 'expired'
}
