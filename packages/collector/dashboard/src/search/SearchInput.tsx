import type { Ref } from 'preact'
import type { SearchDraft } from './useSearchDraft.ts'

interface Props {
  /** The prefix of the elements' ids. */
  readonly id: string
  readonly inputRef: Ref<HTMLInputElement>
  readonly field: SearchDraft
  readonly hasChips: boolean
  readonly hasError: boolean
}

/** The combobox of the search: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/ */
export function SearchInput({ id, inputRef, field, hasChips, hasError }: Props) {
  const { draft, activeIndex, isOpen } = field
  return (
    <input
      ref={inputRef}
      type="text"
      role="combobox"
      aria-label="Search"
      aria-autocomplete="list"
      aria-expanded={isOpen}
      aria-controls={`${id}-list`}
      aria-activedescendant={activeIndex >= 0 ? `${id}-${activeIndex}` : undefined}
      aria-invalid={hasError}
      aria-describedby={hasError ? `${id}-error` : undefined}
      aria-keyshortcuts="/"
      placeholder={hasChips ? '' : 'Search: user:u_42 -reason:logout ip:203.0.113.'}
      spellcheck={false}
      autocomplete="off"
      autocapitalize="off"
      enterkeyhint="search"
      value={draft}
      onInput={({ currentTarget }) => field.change(currentTarget.value)}
      onFocus={field.open}
      onBlur={field.close}
      onKeyDown={field.handleKey}
    />
  )
}
