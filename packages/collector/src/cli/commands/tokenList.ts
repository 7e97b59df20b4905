import { Command } from 'commander'
import { isTokenValid, type Token } from '../../auth/token.ts'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { formatJson } from '../output/formatJson.ts'
import { type Columns, printTable } from '../output/printTable.ts'
import { withStore } from '../withStore.ts'

interface ListTokensOptions extends ConfigOption {
  readonly json?: true
}

/** `lapse token list` prints all tokens, without their secrets. */
export const listTokens = new Command('list')
  .summary('print all tokens')
  .description(
    'Print all tokens with their ids and states, oldest first. Times are in UTC. The tokens themselves are not stored.',
  )
  .addOption(configOption)
  .option('--json', 'print one JSON array instead of a table')
  .action(async ({ config: path, json }: ListTokensOptions) => {
    const tokens = await withStore(loadStoreConfig(path), (store) => store.tokens.list())
    if (json) process.stdout.write(formatJson(tokens.map(describeToken)))
    else if (tokens.length === 0)
      process.stdout.write('No tokens. Create one with: lapse token create --scope read\n')
    else printTable(columns, tokens)
  })

addExamples(listTokens, [
  { line: 'lapse token list', description: 'Print all tokens as a table.' },
  { line: 'lapse token list --json', description: 'Print all tokens as JSON, for a script.' },
])

/** Everything about a token but its hash. */
function describeToken(token: Token): object {
  const { hash, ...described } = token
  return { ...described, state: formatState(token) }
}

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
