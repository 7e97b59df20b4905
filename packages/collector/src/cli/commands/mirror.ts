import { Command, InvalidArgumentError } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import type { Mirror } from '../../store/mirror/mirrorTrigger.ts'
import type { Store } from '../../store/openStore.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { withStore } from '../withStore.ts'

type Assignment = readonly [name: string, value: string]

interface MirrorOptions extends ConfigOption {
  readonly table: string
  readonly set?: readonly Assignment[]
  readonly setValue?: readonly Assignment[]
  readonly where?: readonly Assignment[]
  readonly print?: true
  readonly drop?: true
}

/** `lapse mirror` copies each new row into a table of the host application, with a database trigger. */
export const mirror = new Command('mirror')
  .summary('copy new rows into your own table')
  .description(
    'Create a database trigger that copies each new row into your own table, in the same transaction: either both rows are written or neither. Running the command again replaces the trigger for that table. A row that corrects another one is copied if its reason is different, and if it or the corrected row matches --where. Existing rows and rows of self-tests are not copied, and lapse purge does not delete copies.',
  )
  .addOption(configOption)
  .requiredOption('--table <name>', 'your table, as NAME or SCHEMA.NAME')
  .option(
    '--set <column=source>',
    'a column of your table, and the column of the audit table to copy into it; repeatable',
    collectAssignments,
  )
  .option(
    '--set-value <column=text>',
    'a column of your table, and a constant text for it; repeatable',
    collectAssignments,
  )
  .option(
    '--where <column=value>',
    'copy only rows with this value, such as reason=idle_timeout; repeatable, and all conditions must match',
    collectAssignments,
  )
  .option('--print', 'print the SQL statement and change nothing')
  .option('--drop', 'remove the trigger for this table')
  .action(async (options: MirrorOptions) => {
    const config = loadStoreConfig(options.config)
    await withStore(config, (store) =>
      options.drop ? dropMirror(store, options) : createMirror(store, options, config.table),
    )
  })
addExamples(mirror, [
  {
    line: 'lapse mirror --table person.audit --set user_id=subject --set at=expired_at --set-value source=lapse --where reason=idle_timeout',
    description: 'Copy each idle timeout into the table person.audit.',
  },
  {
    line: 'lapse mirror --table person.audit --drop',
    description: 'Stop copying rows into that table.',
  },
])

async function createMirror(store: Store, options: MirrorOptions, auditTable: string): Promise<void> {
  const plan = await store.mirrors.plan(toMirror(options))
  for (const warning of plan.warnings)
    process.stderr.write(
      escapeForTerminal(
        `Warning: ${warning}. If the table rejects a copy, the report gets a 503 and no row is written.\n`,
      ),
    )
  if (options.print) {
    process.stdout.write(`${plan.statement};\n`)
    return
  }
  await store.mirrors.create(plan)
  process.stdout.write(
    `Created trigger ${plan.trigger}. It copies new rows of ${auditTable} into ${options.table}.\n`,
  )
}

async function dropMirror(store: Store, { table, print }: MirrorOptions): Promise<void> {
  const existing = await store.mirrors.find(table)
  if (print) {
    process.stdout.write(`${existing.dropStatement};\n`)
    return
  }
  await store.mirrors.drop(existing)
  process.stdout.write(`Dropped trigger ${existing.trigger}. New rows are no longer copied into ${table}.\n`)
}

function toMirror({ table, set = [], setValue = [], where = [] }: MirrorOptions): Mirror {
  return {
    table,
    columns: [
      ...set.map(([column, source]) => ({ column, source })),
      ...setValue.map(([column, text]) => ({ column, text })),
    ],
    where: where.map(([column, value]) => ({ column, value })),
  }
}

function collectAssignments(text: string, previous: readonly Assignment[] = []): readonly Assignment[] {
  const [, name, value] = /^([^=]+)=(.*)$/su.exec(text) ?? []
  if (name === undefined || value === undefined) throw new InvalidArgumentError('Must be NAME=VALUE.')
  return [...previous, [name, value]]
}
