import { useEffect, useMemo, useState } from 'preact/hooks'
import { parseSearch, SearchError } from '../../../src/reading/search/parseSearch.ts'
import type { Route } from '../state/route.ts'
import { formatTerms, mergeTerms, readSearch } from '../state/searchTerms.ts'
import { type KnownValues, type Suggestion, suggest } from './suggest.ts'

/** The part of the search that is being typed, and the suggestions for it. Enter applies it to the URL. */
export function useSearchDraft(route: Route, knownValues: KnownValues) {
  const search = route.get('search')
  const [draft, setDraft] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [isFocused, setFocused] = useState(false)
  const [activeIndex, setActiveIndex] = useState(-1)
  const suggestions = useMemo(
    () => (isFocused ? suggest(draft, knownValues) : []),
    [isFocused, draft, knownValues],
  )

  const change = (text: string) => {
    setDraft(text)
    setError(null)
    setActiveIndex(-1)
  }
  const apply = (text: string) => {
    const terms = readTerms(text)
    if (terms instanceof SearchError) {
      setDraft(text)
      setError(terms.message)
      return
    }
    change('')
    const merged = mergeTerms(search, terms)
    if (merged !== search) route.navigate({ search: merged, cursor: null })
  }
  const choose = (suggestion: Suggestion) =>
    suggestion.isComplete ? apply(suggestion.draft) : change(suggestion.draft)
  const clear = () => {
    change('')
    if (search) route.navigate({ search: null, cursor: null })
  }

  // A search with an error cannot be shown as chips, so it is offered for correction.
  useEffect(() => {
    const terms = readTerms(search)
    if (terms instanceof SearchError) {
      setDraft(search)
      setError(terms.message)
    } else setError(null)
  }, [search])

  const moveActive = (step: number) =>
    setActiveIndex((last) => {
      const count = suggestions.length + 1
      // One position has no active suggestion, and the cursor is in the text.
      return ((last + 1 + step + count) % count) - 1
    })
  const editLastTerm = () => {
    const terms = readSearch(search)?.terms ?? []
    const last = terms.at(-1)
    if (!last) return
    setDraft(formatTerms([last]))
    route.navigate({ search: formatTerms(terms.slice(0, -1)), cursor: null })
  }
  const handleKey = (event: KeyboardEvent & { readonly currentTarget: HTMLInputElement }) => {
    const active = suggestions[activeIndex]
    if (event.key === 'ArrowDown') moveActive(1)
    else if (event.key === 'ArrowUp') moveActive(-1)
    else if (event.key === 'Enter' && active) choose(active)
    else if (event.key === 'Enter') apply(draft)
    else if (event.key === 'Escape') event.currentTarget.blur()
    else if (event.key === 'Backspace' && draft === '') editLastTerm()
    else return
    event.preventDefault()
  }

  return {
    draft,
    error,
    suggestions,
    activeIndex: activeIndex < suggestions.length ? activeIndex : -1,
    isOpen: suggestions.length > 0,
    type: change,
    apply,
    choose,
    clear,
    edit: change,
    open: () => setFocused(true),
    close: () => {
      setFocused(false)
      setActiveIndex(-1)
    },
    handleKey,
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
