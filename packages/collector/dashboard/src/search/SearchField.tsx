import { useEffect, useId, useRef } from 'preact/hooks'
import type { Route } from '../state/route.ts'
import { readSearch } from '../state/searchTerms.ts'
import { SearchChips } from './SearchChips.tsx'
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
  const search = route.get('search')
  const field = useSearchDraft(route, knownValues)
  const { draft, suggestions, activeIndex, isOpen } = field
  const error = field.error ?? serverError
  const terms = readSearch(search)?.terms ?? []
  useFocusShortcut(input)

  return (
    <search class="search">
      {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: a click beside the field focuses it, which Tab does as well. */}
      <div
        class={`search-box ${error ? 'invalid' : ''}`}
        onClick={({ target, currentTarget }) => target === currentTarget && input.current?.focus()}
      >
        <SearchChips
          terms={terms}
          route={route}
          edit={(text) => {
            field.edit(text)
            input.current?.focus()
          }}
          onRemove={() => input.current?.focus()}
        />
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Search"
          aria-autocomplete="list"
          aria-expanded={isOpen}
          aria-controls={`${id}-list`}
          aria-activedescendant={activeIndex >= 0 ? `${id}-${activeIndex}` : undefined}
          aria-invalid={error ? true : undefined}
          aria-describedby={error ? `${id}-error` : undefined}
          aria-keyshortcuts="/"
          placeholder={terms.length === 0 ? 'Search: user:u_42 -reason:logout ip:203.0.113.' : ''}
          spellcheck={false}
          autocomplete="off"
          autocapitalize="off"
          enterkeyhint="search"
          value={draft}
          onInput={({ currentTarget }) => field.type(currentTarget.value)}
          onFocus={field.open}
          onBlur={field.close}
          onKeyDown={(event) => field.handleKey(event)}
        />
        {draft !== '' && (
          <button type="button" class="search-button" onClick={() => field.apply(draft)}>
            Search
          </button>
        )}
        {(search !== '' || draft !== '') && (
          <button type="button" class="quiet-button" onClick={field.clear}>
            Clear
          </button>
        )}
        {search === '' && draft === '' && (
          <kbd class="not-on-phones" title="Press / to search">
            /
          </kbd>
        )}
      </div>
      {isOpen && (
        <SuggestionList id={id} suggestions={suggestions} activeIndex={activeIndex} choose={field.choose} />
      )}
      {error && (
        <p id={`${id}-error`} class="field-error search-error" role="alert">
          {error}
        </p>
      )}
    </search>
  )
}

/** `/` moves the focus to the field from everywhere except other fields and dialogs. */
function useFocusShortcut(input: { readonly current: HTMLInputElement | null }): void {
  useEffect(() => {
    const focusField = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return
      if (event.target instanceof Element && event.target.closest('input, select, textarea, dialog')) return
      event.preventDefault()
      input.current?.focus()
    }
    addEventListener('keydown', focusField)
    return () => removeEventListener('keydown', focusField)
  }, [])
}
