import { Command } from 'commander'
import { z } from 'zod'
import type { Config } from '../../config/config.ts'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { prepareDestination } from '../../config/prepareDestination.ts'
import { type FeedPosition, type FeedStart, feedStartSchema } from '../../reading/feed.ts'
import type { Store } from '../../store/openStore.ts'
import { forwardContinuously } from '../forward/forwardContinuously.ts'
import { forwardOnce } from '../forward/forwardOnce.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { withStore } from '../withStore.ts'

interface ForwardOptions extends ConfigOption {
  readonly once?: true
  readonly reset?: string
}

const resetSchema = z.strictObject({ reset: feedStartSchema })

/** `lapse forward` sends the rows to other systems. */
export const forward = new Command('forward')
  .summary('send rows to webhooks and syslog receivers')
  .description(
    'Send the rows to the destinations in the configuration, as they are written, until a signal stops the command. It continues where the last lapse forward or lapse serve stopped. One process at a time sends to a destination; the others wait, and take over when it ends. The log goes to standard output.',
  )
  .argument('[names...]', 'the destinations (default: all)')
  .addOption(configOption)
  .option(
    '--once',
    'send the rows that exist, then exit; at the first failure, exit with status 1 instead of trying again',
  )
  .option(
    '--reset <position>',
    'send nothing, but set the position in the feed from which the named destinations continue: beginning, latest, or the next of a response of GET /v1/lapses?after=…',
  )
  .action(async (names: string[], { config: path, once, reset }: ForwardOptions, command: Command) => {
    const config = loadStoreConfig(path)
    const start = reset === undefined ? undefined : parseOptions(resetSchema, { reset }, command).reset
    if (start !== undefined && (once || names.length === 0))
      command.error(
        'error: --reset needs the name of at least one destination and cannot be combined with --once',
      )
    const settings = findDestinations(config, names)
    await withStore(config, async (store) => {
      if (start !== undefined) return resetPositions(store, Object.keys(settings), start)
      const destinations = Object.entries(settings).map(([name, each]) => prepareDestination(name, each))
      await (once ? forwardOnce(store, destinations) : forwardContinuously(store, destinations, config))
    })
  })
addExamples(forward, [
  { line: 'lapse forward', description: 'Send rows to all destinations until a signal stops it.' },
  {
    line: 'lapse forward siem --once',
    description: 'Send what a destination has not received yet, for example from a scheduler.',
  },
  {
    line: 'lapse forward siem --reset latest',
    description: 'Skip all existing rows, for example before you start to use a new destination.',
  },
])

/** @throws if a destination is not in the configuration. */
function findDestinations(
  { forward: all }: Pick<Config, 'forward'>,
  names: readonly string[],
): Config['forward'] {
  if (Object.keys(all).length === 0)
    throw new Error('The configuration has no destinations. Add them to "forward".')
  const selected = names.length > 0 ? names : Object.keys(all)
  return Object.fromEntries(
    selected.map((name) => {
      const settings = Object.hasOwn(all, name) ? all[name] : undefined
      if (settings) return [name, settings]
      throw new Error(
        `The configuration has no destination "${name}". Its destinations are: ${Object.keys(all).join(', ')}.`,
      )
    }),
  )
}

async function resetPositions(
  { feed, forwards }: Pick<Store, 'feed' | 'forwards'>,
  names: readonly string[],
  start: FeedStart,
): Promise<void> {
  const position = start === 'latest' ? await feed.readEnd() : await checkPosition(feed, start)
  for (const name of names) {
    await forwards.reset(name, position)
    process.stdout.write(`The position of ${name} is stored. Rows after it will be sent.\n`)
  }
}

/** @throws {LapseError} `position-unknown` if the feed ends before the position. */
async function checkPosition(feed: Store['feed'], position: FeedPosition): Promise<FeedPosition> {
  await feed.read({}, { after: position, limit: 1 })
  return position
}
