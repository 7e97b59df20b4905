import type { SessionEndFilter } from './filter.ts'
import type { SearchValue, Term } from './search/parseSearch.ts'
import type { Kind } from './tally.ts'

/** A filter that depends on nothing but the properties by which the rollup counts. */
export interface RollupFilter {
  /** Whether the filter may leave out sites. */
  readonly limitsSites: boolean
  /** Whether the filter may leave out reasons or kinds of evidence. */
  readonly limitsKinds: boolean
  /** Returns whether the filter may match rows of the site. */
  readonly matchesSite: (site: string) => boolean
  readonly matches: (kind: Kind) => boolean
}

/** @returns undefined if the filter depends on other properties. */
export function toRollupFilter(filter: SessionEndFilter): RollupFilter | undefined {
  const { from: _, to: __, site, reason, evidence, subject, session, search } = filter
  const terms = search?.terms ?? []
  if (subject !== undefined || session !== undefined || !terms.every(isAboutKind)) return undefined
  const exact = { site, reason, evidence }
  const required = Map.groupBy(
    terms.filter(({ isExcluded }) => !isExcluded),
    ({ key }) => key,
  )
  const conditions: readonly Condition[] = [
    ...kindKeys.map((property) => ({
      property,
      matches: (value: string) => exact[property] === undefined || value === exact[property],
    })),
    ...[...required].map(([property, alternatives]) => ({
      property,
      matches: (value: string) => alternatives.some(({ values }) => matchesAny(values, value)),
    })),
    ...terms
      .filter(({ isExcluded }) => isExcluded)
      .map(({ key, values }) => ({
        property: key,
        matches: (value: string) => !matchesAny(values, value),
      })),
  ]
  const siteConditions = conditions.filter(({ property }) => property === 'site')
  return {
    limitsSites: site !== undefined || terms.some(({ key }) => key === 'site'),
    limitsKinds: reason !== undefined || evidence !== undefined || terms.some(({ key }) => key !== 'site'),
    matchesSite: (name) => siteConditions.every(({ matches }) => matches(name)),
    matches: (kind) => conditions.every(({ property, matches }) => matches(kind[property])),
  }
}

interface Condition {
  readonly property: keyof Kind
  readonly matches: (value: string) => boolean
}

const kindKeys = ['site', 'reason', 'evidence'] as const satisfies readonly (keyof Kind)[]

type KindTerm = Term & { readonly key: keyof Kind }

const isAboutKind = (term: Term): term is KindTerm => kindKeys.some((key) => key === term.key)

const matchesAny = (values: readonly SearchValue[], value: string) =>
  values.some(({ text, isPrefix }) => (isPrefix ? value.startsWith(text) : value === text))
