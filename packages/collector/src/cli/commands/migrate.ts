import { Command } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { withStore } from '../withStore.ts'

/** `lapse migrate` creates or updates the audit table. */
export const migrate = new Command('migrate')
  .summary('create or update the audit table')
  .description(
    'Create the audit table and the other tables of Lapse, or update them for this version. The database is created too, if the account is allowed to create it. It is safe to run this command again, or several times at once.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadStoreConfig(path)
    const names = await withStore(config, (store) => store.schema.migrate(), { createsDatabase: true })
    const result = names.length > 0 ? `applied ${names.join(', ')}` : 'nothing to do'
    process.stdout.write(`Table ${config.table} is up to date: ${result}.\n`)
  })
addExamples(migrate, [
  { line: 'lapse migrate', description: 'Run at every deployment, before the new version starts.' },
])
