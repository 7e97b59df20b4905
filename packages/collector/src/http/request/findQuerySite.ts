import { LapseError } from '../../domain/errors.ts'
import type { Site } from '../../domain/site.ts'
import type { Context } from '../context.ts'

/**
 * Finds the site that the query parameter `site` names.
 *
 * @returns undefined if the query has no such parameter
 * @throws {LapseError} `unknown-site`
 */
export function findQuerySite(
  { query: { site } }: Context,
  sites: Readonly<Record<string, Site>>,
): { readonly name: string; readonly site: Site } | undefined {
  if (site === undefined) return undefined
  const found = typeof site === 'string' && Object.hasOwn(sites, site) ? sites[site] : undefined
  if (typeof site !== 'string' || !found) throw createUnknownQuerySiteError()
  return { name: site, site: found }
}

/** The message does not quote the name, which could be any text. */
export function createUnknownQuerySiteError(): LapseError {
  return new LapseError('unknown-site', 'Unknown site. Add it to "sites" in the configuration.')
}
