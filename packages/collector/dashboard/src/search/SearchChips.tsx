import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { Term } from '../../../src/reading/search/parseSearch.ts'
import type { Route } from '../state/route.ts'
import { formatTerm, formatTerms } from '../state/searchTerms.ts'

interface Props {
  readonly terms: readonly Term[]
  readonly route: Route
  /** Is called with the text of a term that the user wants to change. */
  readonly edit: (text: string) => void
  readonly onRemove: () => void
}

/** The applied terms. A click on a term's text moves it into the field to edit it. */
export function SearchChips({ terms, route, edit, onRemove }: Props) {
  const remove = (index: number) =>
    route.navigate({ search: formatTerms(terms.filter((_, each) => each !== index)), cursor: null })
  if (terms.length === 0) return null
  return (
    <ul class="chips" aria-label="Filters">
      {terms.map((term, index) => {
        const text = escapeUnsafe(formatTerms([term]))
        return (
          <li key={text} class={`chip ${term.isExcluded ? 'excluded' : ''}`}>
            <button
              type="button"
              class="chip-text"
              title={`${text}: click to edit`}
              onClick={() => {
                remove(index)
                edit(formatTerms([term]))
              }}
            >
              <ChipText term={term} />
            </button>
            <button
              type="button"
              class="chip-remove"
              aria-label={`Remove ${text}`}
              onClick={() => {
                remove(index)
                onRemove()
              }}
            >
              ×
            </button>
          </li>
        )
      })}
    </ul>
  )
}

function ChipText({ term: { key, values, isExcluded } }: { readonly term: Term }) {
  const texts = values.map((value) => {
    const text = formatTerm(key, value)
    return escapeUnsafe(key === 'any' ? text : text.slice(key.length + 1))
  })
  return (
    <>
      {isExcluded && <b>not </b>}
      {key !== 'any' && <span class="chip-key">{key}: </span>}
      <bdi>{texts.join(' or ')}</bdi>
    </>
  )
}
