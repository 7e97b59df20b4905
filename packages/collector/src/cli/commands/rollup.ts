import { Command } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { createProgressBar } from '../output/createProgressBar.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { withStore } from '../withStore.ts'

/** `lapse rollup` recomputes the counts behind `GET /v1/summary`. */
export const rollup = new Command('rollup')
  .summary('recount all rows for summaries')
  .description(
    'Recount all rows for summaries. This is necessary only after rows were changed or deleted by something other than lapse purge. The database account also needs the DELETE privilege on the rollup tables.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    await withStore(loadStoreConfig(path), async (store) => {
      const bar = createProgressBar('{eta_formatted} left')
      bar.start(1, 0)
      let rolledUpToId = 0
      await store.rollup
        .rebuild({
          onChunk(upToId, lastId) {
            rolledUpToId = upToId
            bar.setTotal(lastId)
            bar.update(upToId)
          },
          onSkipped({ rows, reason }) {
            process.stderr.write(
              // The reason contains the name of a site as it is stored.
              escapeForTerminal(
                `lapse: ${rows} rows could not be counted and are missing from summaries: ${reason}.\n`,
              ),
            )
          },
        })
        .finally(() => bar.stop())
      process.stdout.write(
        `Rolled up all rows up to id ${rolledUpToId}. lapse serve adds rows from the last two minutes automatically.\n`,
      )
    })
  })
addExamples(rollup, [
  { line: 'lapse rollup', description: 'Recount all rows after you have deleted some with SQL.' },
])
