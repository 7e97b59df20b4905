import type { Problem } from './api.ts'

interface Props {
  readonly problem: Problem
  readonly retry?: () => void
}

/** Says what went wrong, and lets the reader try again. */
export function ProblemNote({ problem, retry }: Props) {
  return (
    <div class="note problem" role="alert">
      <p>{problem.message}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  )
}
