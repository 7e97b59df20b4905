import {
  formatSearch,
  parseSearch,
  type Search,
  type SearchValue,
  type Term,
} from '../../../src/reading/search/parseSearch.ts'

type Key = Term['key']

const isSameValue = (a: SearchValue) => (b: SearchValue) => a.text === b.text && a.isPrefix === b.isPrefix
const toValue = (value: string | SearchValue) =>
  typeof value === 'string' ? { text: value, isPrefix: false } : value

/** Returns null for a text that has an error. */
export function readSearch(search: string): Search | null {
  try {
    return parseSearch(search)
  } catch {
    return null
  }
}

const readTerms = (search: string) => readSearch(search)?.terms ?? []

export const formatTerms = (terms: readonly Term[]): string => formatSearch({ terms })

/** Formats a search with one term, which matches exactly this value. */
export const formatTerm = (key: Key, value: string | SearchValue, isExcluded = false): string =>
  formatSearch({ terms: [{ key, values: [toValue(value)], isExcluded }] })

/**
 * Adds a value to a search and returns the new search. A term with the opposite meaning is removed. A search that has an
 * error is replaced.
 */
export const addTerm = (search: string, key: Key, value: string, isExcluded = false): string =>
  mergeTerms(removeTerm(search, key, value, !isExcluded), [{ key, values: [toValue(value)], isExcluded }])

/** Removes a value from the terms of a search and returns the new search. */
export function removeTerm(
  search: string,
  key: Key,
  value: string | SearchValue,
  isExcluded = false,
): string {
  const isRemoved = isSameValue(toValue(value))
  const terms = readTerms(search).map((term) =>
    term.key === key && term.isExcluded === isExcluded
      ? { ...term, values: term.values.filter((each) => !isRemoved(each)) }
      : term,
  )
  return formatSearch({ terms: terms.filter(({ values }) => values.length > 0) })
}

/** Replaces all terms of a key with one that matches this value. */
export const setTerm = (search: string, key: Key, value: string): string =>
  addTerm(formatSearch({ terms: readTerms(search).filter((term) => term.key !== key) }), key, value)

export function hasTerm(search: string, key: Key, value: string, isExcluded = false): boolean {
  const isWanted = isSameValue(toValue(value))
  return readTerms(search).some(
    (term) => term.key === key && term.isExcluded === isExcluded && term.values.some(isWanted),
  )
}

/** Adds terms to a search. Terms of the same key become one that has the values of both. */
export function mergeTerms(search: string, added: readonly Term[]): string {
  const terms: Term[] = []
  for (const term of [...readTerms(search), ...added]) {
    const index = terms.findIndex(({ key, isExcluded }) => key === term.key && isExcluded === term.isExcluded)
    const same = terms[index]
    if (same) {
      const newValues = term.values.filter((value) => !same.values.some(isSameValue(value)))
      terms[index] = { ...same, values: [...same.values, ...newValues] }
    } else terms.push(term)
  }
  return formatSearch({ terms })
}

/** Earlier versions of the dashboard had these parameters in their URLs. */
const oldParameters = ['reason', 'evidence', 'session', 'subject'] as const

/** Moves the filters of a URL from an earlier version into its search. Returns other URL queries unchanged. */
export function translateOldUrl(urlQuery: string): string {
  const parameters = new URLSearchParams(urlQuery)
  let search = parameters.get('search') ?? ''
  const present = oldParameters.filter((name) => parameters.has(name))
  if (present.length === 0) return urlQuery
  for (const name of present) {
    const value = parameters.get(name)
    if (value) search = addTerm(search, name === 'subject' ? 'user' : name, value)
    parameters.delete(name)
  }
  if (search) parameters.set('search', search)
  return parameters.size > 0 ? `?${parameters}` : ''
}
