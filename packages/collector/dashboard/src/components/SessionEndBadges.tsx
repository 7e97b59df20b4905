import { isSelftest } from '../../../src/domain/selftest.ts'
import type { SessionEnd } from '../api/types.ts'

interface Props {
  readonly sessionEnd: SessionEnd
}

/** Marks the rows of a list that need a second look or have another origin than most. */
export function SessionEndBadges({ sessionEnd }: Props) {
  const { detectedBy, supersedes, needsReview, resumedAt } = sessionEnd
  return (
    <>
      {isSelftest(sessionEnd) && <span class="badge">self-test</span>}
      {detectedBy === 'sweep' && (
        <span class="badge" title="The sweep recorded this timeout, because no activity was reported.">
          sweep
        </span>
      )}
      {needsReview && (
        <span class="badge warning" title="This row corrects an earlier one that has the same evidence.">
          needs review
        </span>
      )}
      {supersedes !== null && !needsReview && (
        <span class="badge" title="This row corrects an earlier one.">
          correction
        </span>
      )}
      {resumedAt !== null && (
        <span class="badge" title="The session is live again. When it ends, a new row corrects this one.">
          in use again
        </span>
      )}
    </>
  )
}
