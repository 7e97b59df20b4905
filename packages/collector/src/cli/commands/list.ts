import { Command, Option } from 'commander'
import { defaultPageSize, maxPageSize, revisionChoices } from '../../reading/filter.ts'
import { formatNames } from '../../reading/formats/formats.ts'
import { printRows } from '../list/printRows.ts'
import { configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { addFilterOptions } from '../options/filterOptions.ts'
import { parseLimit } from '../options/parseLimit.ts'
import { addTimeHelp } from '../options/timeOptions.ts'

/** `lapse list` prints rows of the audit table. */
export const list = new Command('list')
  .summary('print rows of the audit table')
  .description(
    'Print rows of the audit table, newest first. Times are in UTC. The column supersedes is the id of the row that this row corrects. needs_review marks corrections with the same evidence as the corrected row. The command reads the database directly and needs only the SELECT privilege.',
  )
  .addOption(configOption)
addFilterOptions(list)
list
  .addOption(
    new Option(
      '--revisions <which>',
      'print the current row of each session, or also the rows that were corrected (default: current)',
    ).choices(revisionChoices),
  )
  .option('--selftests', 'print the rows of lapse selftest too')
  .option(
    '--limit <rows>',
    `print at most this many rows, from 1 to ${maxPageSize} (default: ${defaultPageSize} in a table, otherwise all)`,
    parseLimit,
  )
  .addOption(
    new Option('--format <format>', 'the output format; json is one array, ndjson one object a line')
      .choices(['table', 'json', ...formatNames])
      .default('table'),
  )
  .option(
    '--follow',
    'keep running, and print each new row once when it is written, and also each correction of a row that matches; with --limit, print the last existing rows first',
  )
  .addOption(
    new Option(
      '--after <position>',
      'read the feed from this position, in the order in which the rows were committed, including corrected ones: beginning, latest, or the next of a response of GET /v1/lapses?after=…; not with --limit, --revisions or --output',
    ).conflicts(['limit', 'revisions']),
  )
  .addOption(
    new Option(
      '--state <file>',
      'read the feed, and save the position in this file after rows were printed; if the file exists, continue from there, otherwise start at --after (default of --after: latest); not with --limit, --revisions or --output',
    ).conflicts(['limit', 'revisions']),
  )
  .addOption(
    new Option(
      '--output <file>',
      'write the rows to this file, and a description to FILE.json: site, time span, filters, number of rows; only you can read the files; existing files are replaced; not with --follow (default of --format: the extension of the file)',
    ).conflicts(['follow', 'after', 'state']),
  )
  .action(printRows)
addTimeHelp(list)
addExamples(list, [
  {
    line: 'lapse list --reason idle_timeout --from yesterday',
    description: "Print yesterday's idle timeouts as a table.",
  },
  {
    line: 'lapse list --site acme --from "last month" --time-zone Europe/Vienna --output acme.csv',
    description:
      'Export all rows of one site and month, by the calendar of Vienna, and describe them in acme.csv.json.',
  },
  {
    line: 'lapse list --subject u_42 --format csv > u_42.csv',
    description: 'Export all rows of one user as CSV.',
  },
  {
    line: 'lapse list --follow --state siem.position --format ecs',
    description: 'Print each new row for a SIEM, and continue after a restart where the last run stopped.',
  },
])
