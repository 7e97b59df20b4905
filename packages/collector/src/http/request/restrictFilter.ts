import type { Token } from '../../auth/token.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { assertSitesExist, listNamedSites, matchesSite } from '../../reading/search/namedSites.ts'
import type { Dependencies } from '../dependencies.ts'
import { createOtherSiteError } from './authenticate.ts'

type SiteFilter = Partial<Pick<SessionEndFilter, 'site' | 'search'>>

/**
 * Restricts a filter to the site of the token, if the token is limited to one, and checks that the sites in the filter
 * exist.
 *
 * @throws {LapseError} `forbidden` if the token is limited to a site and the filter names another one, whether that
 * exists or not. Otherwise `invalid-query` if it names a site that does not exist.
 */
export async function restrictFilter<Filter extends SiteFilter>(
  { site }: Token,
  filter: Filter,
  { settings, store: { sessionEnds } }: Pick<Dependencies, 'settings' | 'store'>,
): Promise<Filter> {
  if (site !== null) {
    if (listNamedSites(filter).every((named) => matchesSite(named, site))) return { ...filter, site }
    throw createOtherSiteError(site)
  }
  await assertSitesExist(filter, {
    configured: Object.keys(settings.sites),
    readSites: () => sessionEnds.readSites(),
  })
  return filter
}
