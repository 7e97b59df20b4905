import { Command } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { withStore } from '../withStore.ts'

/** `lapse token revoke` ends a token. */
export const revokeToken = new Command('revoke')
  .summary('revoke a token')
  .description(
    'Revoke a token. It stops working immediately on all replicas, and the dashboard sessions that were opened with it end.',
  )
  .argument(
    '<id>',
    'the id from lapse token list; the whole token works too, but other accounts can see it in the process list',
  )
  .addOption(configOption)
  .action(async (idOrToken: string, { config: path }: ConfigOption) => {
    const id = /^lapse_([0-9a-f]{16})_/.exec(idOrToken)?.[1] ?? idOrToken
    const isRevoked = await withStore(loadStoreConfig(path), (store) => store.tokens.revoke(id, new Date()))
    if (!isRevoked) throw new Error(`Token ${id} not found. List all tokens with: lapse token list`)
    process.stdout.write(`Revoked token ${id}.\n`)
  })
addExamples(revokeToken, [
  { line: 'lapse token revoke 0123456789abcdef', description: 'Revoke a token by its id.' },
])
