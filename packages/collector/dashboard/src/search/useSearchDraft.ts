import { useEffect, useState } from 'preact/hooks'
import { parseSearch, SearchError } from '../../../src/reading/search/parseSearch.ts'
import type { Route } from '../state/route.ts'
import { formatTerms, mergeTerms, readSearch } from '../state/searchTerms.ts'
import { type KnownValues, type Suggestion, suggest } from './suggest.ts'

export type SearchDraft = ReturnType<typeof useSearchDraft>

/** The part of the search that is being typed, and the suggestions for it. Enter applies it to the URL. */
export function useSearchDraft(route: Route, knownValues: KnownValues) {
  const search = route.get('search')
  const [draft, setDraft] = useState('')
  const [error, setError] = useState<string | null>(null)
  const list = useSuggestions(draft, knownValues)

  const change = (text: string) => {
    setDraft(text)
    setError(null)
    list.setActiveIndex(-1)
  }
  const applySearch = (changed: string) => {
    if (changed !== search) route.navigate({ search: changed, cursor: null })
  }
  const apply = (text: string) => {
    const terms = readTerms(text)
    setDraft(terms instanceof SearchError ? text : '')
    setError(terms instanceof SearchError ? terms.message : null)
    list.setActiveIndex(-1)
    if (!(terms instanceof SearchError)) applySearch(mergeTerms(search, terms))
  }
  const choose = (suggestion: Suggestion) =>
    suggestion.isComplete ? apply(suggestion.draft) : change(suggestion.draft)
  const clear = () => {
    change('')
    applySearch('')
  }
  const editLastTerm = () => {
    const terms = readSearch(search)?.terms ?? []
    change(formatTerms(terms.slice(-1)))
    applySearch(formatTerms(terms.slice(0, -1)))
  }

  // A search with an error cannot be shown as chips, so it is offered for correction.
  useEffect(() => {
    const terms = readTerms(search)
    if (terms instanceof SearchError) setDraft(search)
    setError(terms instanceof SearchError ? terms.message : null)
  }, [search])

  const handleKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') list.moveActive(1)
    else if (event.key === 'ArrowUp') list.moveActive(-1)
    else if (event.key === 'Enter') list.active ? choose(list.active) : apply(draft)
    else if (event.key === 'Escape' && event.target instanceof HTMLElement) event.target.blur()
    else if (event.key === 'Backspace' && draft === '') editLastTerm()
    else return
    event.preventDefault()
  }
  return { ...list, draft, error, change, apply, choose, clear, handleKey }
}

/** The suggestions while the field has the focus. One of them may be active, which Enter chooses. */
function useSuggestions(draft: string, knownValues: KnownValues) {
  const [isFocused, setFocused] = useState(false)
  const [activeIndex, setActiveIndex] = useState(-1)
  const suggestions = isFocused ? suggest(draft, knownValues) : []
  const active = suggestions[activeIndex]
  return {
    suggestions,
    active,
    activeIndex: active ? activeIndex : -1,
    isOpen: suggestions.length > 0,
    setActiveIndex,
    /** One position has no active suggestion: the cursor is in the text. */
    moveActive(step: number) {
      const count = suggestions.length + 1
      setActiveIndex((last) => ((last + 1 + step + count) % count) - 1)
    },
    open: () => setFocused(true),
    close() {
      setFocused(false)
      setActiveIndex(-1)
    },
  }
}

function readTerms(text: string) {
  try {
    return parseSearch(text).terms
  } catch (cause) {
    if (cause instanceof SearchError) return cause
    throw cause
  }
}
