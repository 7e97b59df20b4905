import { Command, InvalidArgumentError } from 'commander'
import { loadStoreConfig } from '../../config/config.ts'
import type { Mirror } from '../../store/mirror/mirrorTrigger.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { withStore } from '../withStore.ts'

type Pair = readonly [name: string, value: string]

interface MirrorOptions extends ConfigOption {
  readonly table: string
  readonly set: readonly Pair[]
  readonly setValue: readonly Pair[]
  readonly where: readonly Pair[]
  readonly print: boolean
  readonly drop: boolean
}

/** `lapse mirror` copies each new row into a table of the host's own, by a trigger. */
export const mirror = new Command('mirror')
  .description(
    "Copy each new row into a table of your own, in the same transaction, by a trigger. Run again, it replaces that table's trigger.",
  )
  .addOption(configOption)
  .requiredOption('--table <name>', 'your table, NAME or SCHEMA.NAME')
  .option('--set <column=source>', 'a column of it, and the column of the audit table for it', pair, [])
  .option('--set-value <column=text>', 'a column of it, and the text for it', pair, [])
  .option('--where <column=value>', 'only rows with that value, such as reason=idle_timeout', pair, [])
  .option('--print', 'print the statement, and change nothing', false)
  .option('--drop', 'take the trigger for that table away', false)
  .addHelpText(
    'after',
    '\nExample: lapse mirror --table person.audit --set user_id=subject --set at=expired_at --where reason=idle_timeout',
  )
  .action(async (options: MirrorOptions) => {
    const config = loadStoreConfig(options.config)
    const { table, print, drop } = options
    await withStore(config, async (store) => {
      if (drop) {
        const standing = await store.mirrors.find(table)
        if (print) {
          process.stdout.write(`${standing.dropStatement};\n`)
          return
        }
        await store.mirrors.drop(standing)
        process.stdout.write(
          `The trigger ${standing.trigger} is gone: no more rows are copied into ${table}.\n`,
        )
        return
      }
      const plan = await store.mirrors.plan(mirrorOf(options))
      for (const warning of plan.warnings)
        process.stderr.write(
          escapeForTerminal(`Note: ${warning}. An event that the table refuses gets a 503 and no row.\n`),
        )
      if (print) {
        process.stdout.write(`${plan.statement};\n`)
        return
      }
      await store.mirrors.create(plan)
      process.stdout.write(`The trigger ${plan.trigger} copies new rows of ${config.table} into ${table}.\n`)
    })
  })

function mirrorOf({ table, set, setValue, where }: MirrorOptions): Mirror {
  return {
    table,
    columns: [
      ...set.map(([column, source]) => ({ column, source })),
      ...setValue.map(([column, text]) => ({ column, text })),
    ],
    where: where.map(([column, value]) => ({ column, value })),
  }
}

function pair(text: string, before: readonly Pair[]): readonly Pair[] {
  const [, name, value] = /^([^=]+)=(.*)$/su.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Write NAME=VALUE.')
  return [...before, [name, value]]
}
