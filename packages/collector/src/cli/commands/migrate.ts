import { Command } from 'commander'
import { loadStoreConfig } from '../../config/config.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { withStore } from '../withStore.ts'

/** `lapse migrate` makes or updates the audit table. */
export const migrate = new Command('migrate')
  .description(
    'Make the audit table, or bring it to what this version needs. Safe to run again and at the same time.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadStoreConfig(path)
    const names = await withStore(config, (store) => store.schema.migrate(), { createsDatabase: true })
    const done = names.length > 0 ? `ran ${names.join(', ')}` : 'nothing to do'
    process.stdout.write(`The table ${config.table} is up to date: ${done}.\n`)
  })
