import { useEffect, useId, useRef } from 'preact/hooks'
import type { Route } from '../state/route.ts'
import { readSearch } from '../state/searchTerms.ts'
import { SearchChips } from './SearchChips.tsx'
import { SearchInput } from './SearchInput.tsx'
import { SuggestionList } from './SuggestionList.tsx'
import type { KnownValues } from './suggest.ts'
import { useSearchDraft } from './useSearchDraft.ts'

interface Props {
  readonly route: Route
  readonly knownValues: KnownValues
  /** What the collector says about the search in the URL. */
  readonly serverError: string | undefined
}

/** Shows the applied terms as chips, followed by a field for further ones. */
export function SearchField({ route, knownValues, serverError }: Props) {
  const input = useRef<HTMLInputElement>(null)
  const id = useId()
  const field = useSearchDraft(route, knownValues)
  const error = field.error ?? serverError
  const terms = readSearch(route.get('search'))?.terms ?? []
  const isEmpty = route.get('search') === '' && field.draft === ''
  const focusInput = () => input.current?.focus()
  useFocusShortcut(focusInput)

  return (
    <search class="search">
      <div class="search-anchor">
        {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: a click beside the field focuses it, which Tab does as well. */}
        <div
          class={`search-box ${error ? 'invalid' : ''}`}
          onClick={({ target, currentTarget }) => target === currentTarget && focusInput()}
        >
          <SearchChips
            terms={terms}
            route={route}
            edit={(text) => {
              field.change(text)
              focusInput()
            }}
            onRemove={focusInput}
          />
          <SearchInput
            id={id}
            inputRef={input}
            field={field}
            hasChips={terms.length > 0}
            hasError={!!error}
          />
          {field.draft !== '' && (
            <button type="button" class="search-button" onClick={() => field.apply(field.draft)}>
              Search
            </button>
          )}
          {!isEmpty && (
            <button type="button" class="quiet-button" onClick={field.clear}>
              Clear
            </button>
          )}
          {isEmpty && <kbd class="not-on-phones">/</kbd>}
        </div>
        {field.isOpen && <SuggestionList id={id} field={field} />}
      </div>
      {error && (
        <p id={`${id}-error`} class="field-error search-error" role="alert">
          {error}
        </p>
      )}
    </search>
  )
}

/** `/` moves the focus to the field from everywhere except other fields and dialogs. */
function useFocusShortcut(focusInput: () => void): void {
  useEffect(() => {
    const handleKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target instanceof Element && event.target.closest('input, select, textarea, dialog')) return
      event.preventDefault()
      focusInput()
    }
    addEventListener('keydown', handleKey)
    return () => removeEventListener('keydown', handleKey)
  }, [])
}
