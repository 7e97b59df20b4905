import { type Command, Option } from 'commander'
import { evidenceKinds } from '../../domain/evidence.ts'
import { reasons } from '../../domain/verdict.ts'
import { searchKeys } from '../../reading/search/parseSearch.ts'
import { fromOption, timeZoneOption, toOption } from './timeOptions.ts'

/** Adds the options that select rows. They have the names of the query parameters. */
export function addFilterOptions(command: Command): Command {
  return command
    .option('--site <site>', 'only rows of this site')
    .option('--subject <id>', 'only rows of this user')
    .option('--session <alias>', 'only rows of this session')
    .addOption(new Option('--reason <reason>', 'only rows with this reason').choices(reasons))
    .addOption(new Option('--evidence <kind>', 'only rows with this evidence').choices(evidenceKinds))
    .option(
      '--search <text>',
      'only rows that match this search, such as "user:u_42 -reason:logout ip:203.0.113."; the keys are ' +
        `${searchKeys.join(', ')}; a - excludes, commas separate alternatives, and a trailing * matches a prefix`,
    )
    .addOption(fromOption)
    .addOption(toOption)
    .addOption(timeZoneOption)
}
