import { LapseError } from '../../domain/errors.ts'
import { escapeUnsafe } from '../../domain/text/plainText.ts'
import type { SessionEndFilter } from '../filter.ts'
import { formatSearch, type SearchValue } from './parseSearch.ts'

type SiteFilter = Pick<SessionEndFilter, 'site' | 'search'>

/** A site that a filter names, and the parameter that names it. */
interface NamedSite extends SearchValue {
  readonly parameter: 'site' | 'search'
}

/** Lists the sites that a filter names, excluded ones too. */
export function listNamedSites({ site, search }: SiteFilter): NamedSite[] {
  const searched = (search?.terms ?? [])
    .filter(({ key }) => key === 'site')
    .flatMap(({ values }) => values)
    .map((value): NamedSite => ({ ...value, parameter: 'search' }))
  return site === undefined ? searched : [{ text: site, isPrefix: false, parameter: 'site' }, ...searched]
}

/** Returns whether a site has the name, or starts with the prefix. */
export function matchesSite({ text, isPrefix }: SearchValue, site: string): boolean {
  return isPrefix ? site.startsWith(text) : site === text
}

/** Keeps only the conditions on the site. */
export function pickSiteFilter({ site, search }: SiteFilter): SiteFilter {
  const terms = search?.terms.filter(({ key }) => key === 'site') ?? []
  return { ...(site !== undefined && { site }), ...(terms.length > 0 && { search: { terms } }) }
}

/** The sites that exist: those of the configuration, and those that have rows or live sessions. */
export interface KnownSites {
  readonly configured: readonly string[]
  /** Reads which sites have data, such as those that were removed from the configuration. */
  readSites(): Promise<readonly string[]>
}

const maxListedSites = 50

/**
 * Checks that all sites in a filter exist. A typo would otherwise select nothing, which looks like proof that nothing
 * happened.
 *
 * @throws {LapseError} `invalid-query`, which lists the known sites.
 */
export async function assertSitesExist(
  filter: SiteFilter,
  { configured, readSites }: KnownSites,
): Promise<void> {
  const findUnknown = (sites: readonly string[]) =>
    listNamedSites(filter).find((named) => !sites.some((site) => matchesSite(named, site)))
  if (!findUnknown(configured)) return
  const known = [...new Set([...configured, ...(await readSites())])].sort()
  const unknown = findUnknown(known)
  if (!unknown) return
  const { parameter, text, isPrefix } = unknown
  const named = formatSearch({ terms: [{ key: 'site', values: [{ text, isPrefix }], isExcluded: false }] })
  const listed = known.slice(0, maxListedSites).map(escapeUnsafe).join(', ')
  const more = known.length > maxListedSites ? `, and ${known.length - maxListedSites} more` : ''
  throw new LapseError('invalid-query', `Correct these parameters: ${parameter}.`, {
    errors: [{ parameter, detail: `names an unknown site (${named}); the known sites are ${listed}${more}` }],
  })
}
