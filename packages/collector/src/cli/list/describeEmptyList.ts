import type { EmptyBecause } from '../../reading/emptyBecause.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import { listNamedSites } from '../../reading/search/namedSites.ts'

/** Says which filters were active, and when the site last had a row. */
export function describeEmptyList({ filters, lastRowAt }: EmptyBecause, filter: SessionEndFilter): string {
  if (filters === '' && !lastRowAt) return 'No session ends recorded.\n'
  const active = filters === '' ? '' : ` Filters: ${filters}.`
  return `No matching session ends.${active} ${describeNewest(lastRowAt, filter)}\n`
}

function describeNewest(lastRowAt: Date | null, filter: SessionEndFilter): string {
  const named = listNamedSites(filter)
  const of = named.length === 0 ? '' : ` of the selected ${named.length === 1 ? 'site' : 'sites'}`
  if (lastRowAt) return `The newest row${of} was detected at ${lastRowAt.toISOString()}.`
  return named.length > 1
    ? 'There is no row for which all conditions on the site are met.'
    : `No row was ever recorded${named.length > 0 ? ' for the selected site' : ''}.`
}
