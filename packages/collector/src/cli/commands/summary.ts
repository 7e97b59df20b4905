import { Command, Option } from 'commander'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { buckets } from '../../reading/buckets.ts'
import { createSummary, type Summary } from '../../reading/createSummary.ts'
import { groupings, maxGroups, parseSummaryQuery, type SummaryQuery } from '../../reading/summaryQuery.ts'
import { checkSites } from '../options/checkSites.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { addFilterOptions } from '../options/filterOptions.ts'
import { reportInvalidQuery } from '../options/parseOptions.ts'
import { addTimeHelp, resolveTimeOptions, type TimeOptions } from '../options/timeOptions.ts'
import { formatJson } from '../output/formatJson.ts'
import { writeOutput } from '../output/writeOutput.ts'
import { formatSummaryCsv } from '../summary/formatSummaryCsv.ts'
import { formatSummaryTable } from '../summary/formatSummaryTable.ts'
import { withStore } from '../withStore.ts'

interface SummaryOptions extends ConfigOption, TimeOptions {
  readonly format: keyof typeof formatters
  readonly flags?: true
}

const formatters: Readonly<
  Record<'table' | 'json' | 'csv', (summary: Summary, query: SummaryQuery) => string>
> = { table: formatSummaryTable, json: formatJson, csv: formatSummaryCsv }

/** `lapse summary` counts rows, as `GET /v1/summary` does. */
export const summary = new Command('summary')
  .summary('count session ends by time, reason and other properties')
  .description(
    'Count the current rows of the audit table by the time at which the end of the session was detected, and show how long after the idle timeout users came back. Rows of lapse selftest are not counted. The options have the names of the parameters of GET /v1/summary. The command reads the database directly and needs only the SELECT privilege.',
  )
  .addOption(configOption)
addFilterOptions(summary)
summary
  .addOption(new Option('--bucket <unit>', 'the length of a bucket (default: day)').choices(buckets))
  .addOption(
    new Option('--group-by <property>', 'also count by this property, biggest group first').choices(
      groupings,
    ),
  )
  .option('--top <groups>', `print at most this many groups, from 1 to ${maxGroups} (default: 10)`)
  .addOption(
    new Option('--compare <period>', 'compare with the previous period of the same length').choices([
      'previous',
    ]),
  )
  .option('--flags', 'also count the rows with each flag, such as skew or late')
  .addOption(
    new Option(
      '--format <format>',
      'the output format; json is the response of GET /v1/summary; csv has a line for each group, or for each bucket without --group-by',
    )
      .choices(Object.keys(formatters))
      .default('table'),
  )
  .action(async (options: SummaryOptions, command: Command) => {
    const { config: path, format, flags, from, to, ...parameters } = options
    const { timeZone } = parameters
    const range = resolveTimeOptions({ from, to, timeZone })
    const request = { ...parameters, ...range, ...(flags && { flags: 'true' }) }
    const query = reportInvalidQuery(() => parseSummaryQuery(request, Date.now()), command)
    const config = loadStoreConfig(path)
    const output = await withStore(config, async (store) => {
      await checkSites(query.filter, { config, store, command })
      const counts = await store.summaries.summarize(query)
      const findIdleTimeout = (site: string) => config.sites[site]?.idleTimeoutSeconds ?? null
      return formatters[format](createSummary(query, counts, findIdleTimeout), query)
    })
    await writeOutput([output], new AbortController().signal)
  })
addTimeHelp(summary)
addExamples(summary, [
  {
    line: 'lapse summary --from "last month" --site acme',
    description: 'Count the session ends of one site and month by day and reason.',
  },
  {
    line: 'lapse summary --from "this week" --compare previous',
    description: 'Compare this week with the same part of last week.',
  },
  {
    line: 'lapse summary --reason idle_timeout --from 90d --bucket week --group-by subject --top 20',
    description: 'Find the users who are timed out most often.',
  },
  {
    line: 'lapse summary --from "last quarter" --bucket month --format csv > quarter.csv',
    description: 'Export the counts of a quarter by month.',
  },
])
