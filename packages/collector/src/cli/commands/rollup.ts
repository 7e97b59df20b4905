import { SingleBar } from 'cli-progress'
import { Command } from 'commander'
import { loadStoreConfig } from '../../config/config.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { withStore } from '../withStore.ts'

/** `lapse rollup` makes the counts behind `GET /v1/summary` anew. */
export const rollup = new Command('rollup')
  .description(
    'Count all rows anew for summaries. Only needed after rows were changed or deleted by other means than lapse purge.',
  )
  .addOption(configOption)
  .action(async ({ config: path }: ConfigOption) => {
    const config = loadStoreConfig(path)
    await withStore(config, async (store) => {
      const bar = new SingleBar({
        format: '{bar} {percentage} % | {eta_formatted} left',
        clearOnComplete: true,
      })
      // It draws on a terminal only.
      bar.start(1, 0)
      let upTo = 0
      await store.rollup
        .rebuild({
          onChunk(upToId, lastId) {
            upTo = upToId
            bar.setTotal(lastId)
            bar.update(upToId)
          },
          onSkipped({ rows, reason }) {
            process.stderr.write(
              `lapse: ${rows} rows could not be counted: ${reason}. Summaries lack them.\n`,
            )
          },
        })
        .finally(() => bar.stop())
      process.stdout.write(
        `The rows up to ${upTo} are rolled up. lapse serve adds rows from the last two minutes automatically.\n`,
      )
    })
  })
