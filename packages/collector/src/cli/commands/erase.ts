import { Command } from 'commander'
import { z } from 'zod'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { selftestSubject } from '../../domain/selftest.ts'
import { maxLengths } from '../../domain/sessionEnd.ts'
import { createPlainTextSchema } from '../../domain/validation/fieldSchemas.ts'
import type { ErasureCounts } from '../../store/audit/createErasureRepository.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { withStore } from '../withStore.ts'

interface EraseOptions extends ConfigOption {
  readonly subject: string
  readonly site?: string
  readonly dryRun?: true
}

const targetSchema = z.object({
  subject: createPlainTextSchema(maxLengths.id).refine((subject) => subject !== selftestSubject, {
    error: 'is the subject of self-tests, whose rows contain no personal data',
  }),
  site: createPlainTextSchema(maxLengths.site).optional(),
})

/** `lapse erase` empties the personal columns of a user's rows. */
export const erase = new Command('erase')
  .summary("erase a user's personal data")
  .description(
    "Empty the personal columns of a user's rows: subject, session, marker, ip and user_agent; session_key becomes a random value. The rows remain, with their times and reasons, so summaries do not change. Rows of the same sessions that name no user are included. Live sessions lose their subject and user_agent, and keep the rest until they end. This cannot be undone. Copies made by lapse mirror, exports and backups are not changed. The database account needs the UPDATE privilege on the audit table and on the table of live sessions.",
  )
  .addOption(configOption)
  .requiredOption('--subject <id>', 'the user')
  .option('--site <site>', 'erase only in rows of this site (default: all sites)')
  .option('--dry-run', 'count the rows and change nothing')
  .action(async ({ config: path, dryRun, ...options }: EraseOptions, command: Command) => {
    const target = parseOptions(targetSchema, options, command)
    await withStore(loadStoreConfig(path), async ({ erasure }) => {
      const counts = await (dryRun ? erasure.count(target) : erasure.erase(target))
      process.stdout.write(describeResult(counts, dryRun ?? false))
      if (!dryRun && counts.liveSessions > 0)
        process.stderr.write(
          'Warning: the user still has live sessions, and their next reports may name the user again. End them, then run the command again.\n',
        )
    })
  })
addExamples(erase, [
  { line: 'lapse erase --subject u_42 --dry-run', description: 'Count the rows of a user.' },
  { line: 'lapse erase --subject u_42', description: 'Erase the personal data of a user in all sites.' },
])

function describeResult({ rows, liveSessions }: ErasureCounts, isDryRun: boolean): string {
  if (rows === 0 && liveSessions === 0)
    return 'No row and no live session belongs to this user. Check --subject and --site.\n'
  const verb = isDryRun ? 'Would erase' : 'Erased'
  return `${verb} the personal data in ${rows} rows of the audit table and ${liveSessions} live sessions.\n`
}
