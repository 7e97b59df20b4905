import type { Problem } from '../api/fetchJson.ts'
import { fieldName } from '../format/labels.ts'

interface Props {
  readonly problem: Problem
  readonly retry: () => void
}

/** Says what went wrong, and lets the reader try again where that can help. */
export function ProblemNote({ problem, retry }: Props) {
  return (
    <div class="note problem" role="alert">
      <p>{wordsFor(problem)}</p>
      {problem.isPassing && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}

/** What is there in the place of an answer that is not. */
export function NoAnswer({ isLoading }: { readonly isLoading: boolean }) {
  return <p class="waiting">{isLoading ? 'Loading…' : 'Nothing to show.'}</p>
}

/** The API names its parameters; the reader knows the fields. */
function wordsFor({ message, faults }: Problem): string {
  if (faults.length === 0) return message
  return faults
    .map(({ parameter, detail }) => {
      const said = detail.replace(/"(\w+)"/g, (_, name: string) => `“${fieldName(name)}”`)
      return `${fieldName(parameter)}: ${said}.`
    })
    .join(' ')
}
