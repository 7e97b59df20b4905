import { Command } from 'commander'
import { z } from 'zod'
import { loadStoreConfig } from '../../config/loadConfig.ts'
import { selftestSubject } from '../../domain/selftest.ts'
import { maxLengths } from '../../domain/sessionEnd.ts'
import { createPlainTextSchema } from '../../domain/validation/fieldSchemas.ts'
import type { PersonalData } from '../../store/audit/createErasureRepository.ts'
import { type ConfigOption, configOption } from '../options/configOption.ts'
import { addExamples } from '../options/examples.ts'
import { parseOptions } from '../options/parseOptions.ts'
import { escapeForTerminal } from '../output/escapeForTerminal.ts'
import { withStore } from '../withStore.ts'

interface EraseOptions extends ConfigOption {
  readonly subject?: string
  readonly session?: string
  readonly site?: string
  readonly dryRun?: true
}

const targetSchema = z.object({
  subject: createPlainTextSchema(maxLengths.id)
    .refine((subject) => subject !== selftestSubject, {
      error: 'is the subject of self-tests, whose rows contain no personal data',
    })
    .optional(),
  session: createPlainTextSchema(maxLengths.id).optional(),
  site: createPlainTextSchema(maxLengths.site).optional(),
})

/** `lapse erase` empties the personal columns of a user's rows. */
export const erase = new Command('erase')
  .summary("erase a user's personal data")
  .description(
    'Empty the personal columns of the rows of a user or a session: subject, session, marker, ip and user_agent; session_key becomes a random value. The rows remain, with their times and reasons, so summaries do not change. Rows of the same sessions that name no user are included. Live sessions lose their subject and user_agent, and keep the rest until they end: end them first. A browser that still has a report or a marker of these sessions can report them again, which adds a row that names the user. This cannot be undone. Copies made by lapse mirror, exports and backups are not changed. The database account needs the UPDATE privilege on the audit table and on the table of live sessions.',
  )
  .addOption(configOption)
  .option('--subject <id>', 'the user')
  .option('--session <alias>', 'erase only in rows of this session')
  .option('--site <site>', 'erase only in rows of this site (default: all sites)')
  .option('--dry-run', 'count the rows and change nothing')
  .action(async ({ config: path, dryRun, ...options }: EraseOptions, command: Command) => {
    const target = parseOptions(targetSchema, options, command)
    if (target.subject === undefined && target.session === undefined)
      command.error('error: say whose data to erase, with --subject or --session')
    await withStore(loadStoreConfig(path), async ({ erasure }) => {
      const data = await (dryRun ? erasure.find(target) : erasure.erase(target))
      process.stdout.write(describeResult(data, dryRun ?? false))
      if (!dryRun && data.liveSessions.length > 0)
        process.stderr.write(escapeForTerminal(describeLiveSessions(data.liveSessions)))
    })
  })
addExamples(erase, [
  { line: 'lapse erase --subject u_42 --dry-run', description: 'Count the rows of a user.' },
  { line: 'lapse erase --subject u_42', description: 'Erase the personal data of a user in all sites.' },
])

function describeResult({ rows, liveSessions }: PersonalData, isDryRun: boolean): string {
  if (rows === 0 && liveSessions.length === 0)
    return 'No row and no live session matches. Check --subject, --session and --site.\n'
  const verb = isDryRun ? 'Would erase' : 'Erased'
  return `${verb} personal data. Rows of the audit table: ${rows}. Live sessions: ${liveSessions.length}.\n`
}

/** The aliases may come from strangers, so there are no commands to copy. */
function describeLiveSessions(sessions: readonly string[]): string {
  const list = sessions.map((session) => `  ${session}\n`).join('')
  return `Warning: these sessions are still live. Their next reports may name the user again, and their rows will contain their aliases. Once they have ended, run the same command again, and then once with --session for each of them:\n${list}`
}
