import type { SessionEndFilter } from './filter.ts'
import { describeFilter } from './search/describeFilter.ts'
import { pickSiteFilter } from './search/namedSites.ts'
import type { SessionEndRepository } from './sessionEndRepository.ts'

/** Why a list is empty, as far as can be said. */
export interface EmptyBecause {
  /** The active filters as one text. Empty if there are none. */
  readonly filters: string
  /** When the newest row of the site, or of all sites, was detected. Self-tests do not count. */
  readonly lastRowAt: Date | null
}

/** Explains an empty list: what was searched for, and whether the site has any rows. */
export async function explainEmptyList(
  filter: SessionEndFilter,
  { findNewest }: Pick<SessionEndRepository, 'findNewest'>,
): Promise<EmptyBecause> {
  const lastRowAt = (await findNewest(pickSiteFilter(filter))) ?? null
  return { filters: describeFilter(filter), lastRowAt }
}
