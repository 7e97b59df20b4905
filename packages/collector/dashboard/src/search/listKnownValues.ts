import type { SessionEndPage } from '../api/types.ts'
import type { KnownValues } from './suggest.ts'

/** Lists values that the search can suggest: the sites, and what occurs in the listed rows. */
export function listKnownValues(page: SessionEndPage | undefined, sites: readonly string[]): KnownValues {
  const rows = page?.lapses ?? []
  const listDistinct = (values: readonly (string | null)[]) =>
    [...new Set(values)].filter((value) => value !== null)
  return {
    user: listDistinct(rows.map(({ subject }) => subject)),
    session: listDistinct(rows.map(({ session, marker }) => session ?? marker)),
    site: listDistinct([...sites, ...rows.map(({ site }) => site)]),
    origin: listDistinct(rows.map(({ origin }) => origin)),
    ip: listDistinct(rows.map(({ ip }) => ip)),
  }
}
