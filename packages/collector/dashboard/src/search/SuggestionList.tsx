import { useEffect, useRef } from 'preact/hooks'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { SearchDraft } from './useSearchDraft.ts'

interface Props {
  /** The prefix of the elements' ids. */
  readonly id: string
  readonly field: SearchDraft
}

/** The popup of the search field. The focus stays in the field, whose keys move the active option. */
export function SuggestionList({ id, field: { suggestions, activeIndex, choose } }: Props) {
  const list = useRef<HTMLDivElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' })
  }, [activeIndex])
  return (
    <div
      ref={list}
      id={`${id}-list`}
      class="suggestions"
      role="listbox"
      aria-label="Suggestions"
      tabIndex={-1}
    >
      {suggestions.map((suggestion, index) => (
        // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, as in any combobox.
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys.
        <div
          key={suggestion.draft}
          id={`${id}-${index}`}
          role="option"
          aria-selected={index === activeIndex}
          // Otherwise the field loses the focus, and the list closes before the click.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => choose(suggestion)}
        >
          <bdi class="suggestion-text">{escapeUnsafe(suggestion.label)}</bdi>
          <span class="muted">{suggestion.description}</span>
        </div>
      ))}
    </div>
  )
}
