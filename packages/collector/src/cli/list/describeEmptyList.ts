import type { EmptyBecause } from '../../reading/emptyBecause.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { listNamedSites } from '../../reading/search/namedSites.ts'

/** Says which filters were active, and when the site last had a row. */
export function describeEmptyList({ filters, lastRowAt }: EmptyBecause, filter: SessionEndFilter): string {
  const sites = listNamedSites(filter).length > 0 ? 'the selected sites' : 'all sites'
  const active = filters === '' ? '' : ` Filters: ${filters}.`
  const newest = lastRowAt
    ? `The newest row of ${sites} was detected at ${lastRowAt.toISOString()}.`
    : 'No row was ever recorded for them.'
  if (filters === '' && !lastRowAt) return 'No session ends recorded.\n'
  return `No matching session ends.${active} ${lastRowAt ? newest : newest.replace('them', sites)}\n`
}
