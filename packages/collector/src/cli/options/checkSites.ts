import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { LapseError } from '../../domain/errors.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { assertSitesExist } from '../../reading/search/namedSites.ts'
import type { Store } from '../../store/openStore.ts'
import { exitWithUsageError } from './parseOptions.ts'

interface SiteCheck {
  readonly config: Pick<Config, 'sites'>
  readonly store: Pick<Store, 'sessionEnds'>
  readonly command: Command
}

/** Checks that all sites in a filter exist. Otherwise, the command ends with a message that lists the known sites. */
export async function checkSites(
  filter: Pick<SessionEndFilter, 'site' | 'search'>,
  { config, store: { sessionEnds }, command }: SiteCheck,
): Promise<void> {
  try {
    await assertSitesExist(filter, {
      configured: Object.keys(config.sites),
      readSites: () => sessionEnds.readSites(),
    })
  } catch (error) {
    if (!(error instanceof LapseError)) throw error
    exitWithUsageError(error, command)
  }
}
