import type { SessionEndFilter } from './filter.ts'
import type { Kind } from './tally.ts'

/** A filter that depends on nothing but the properties by which the rollup counts. */
export interface RollupFilter {
  /** Whether the filter may leave out sites. */
  readonly limitsSites: boolean
  readonly matches: (kind: Kind) => boolean
  /** Returns whether the filter may match rows of the site. */
  readonly matchesSite: (site: string) => boolean
}

/** @returns undefined if the filter depends on other properties. */
export function toRollupFilter(filter: SessionEndFilter): RollupFilter | undefined {
  const { site, reason, evidence, subject, session } = filter
  if (subject !== undefined || session !== undefined) return undefined
  const matchesSite = (each: string) => site === undefined || each === site
  return {
    limitsSites: site !== undefined,
    matchesSite,
    matches: (kind) =>
      matchesSite(kind.site) &&
      (reason === undefined || kind.reason === reason) &&
      (evidence === undefined || kind.evidence === evidence),
  }
}
