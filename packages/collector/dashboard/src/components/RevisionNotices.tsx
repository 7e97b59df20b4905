import type { ComponentChildren } from 'preact'
import type { SessionEndHistory } from '../api/types.ts'
import { formatDateTime } from '../format/dateTime.ts'
import type { Route } from '../state/route.ts'
import { RowLink } from './RowLink.tsx'

interface Props {
  readonly sessionEnd: SessionEndHistory
  readonly route: Route
}

/** Says what else is known about the session: whether this row corrects another one or was corrected, and whether the session is in use again. */
export function RevisionNotices({ sessionEnd, route }: Props) {
  const { supersededBy, supersedes, needsReview, resumedAt, earlierRevisions } = sessionEnd
  return (
    <>
      {supersededBy !== null && (
        <Notice>
          This row no longer counts: <RowLink id={supersededBy} route={route} /> corrects it.
        </Notice>
      )}
      {resumedAt !== null && (
        <Notice>
          The session has been in use again since {formatDateTime(resumedAt)}. When it ends, a new row will
          correct this one.
        </Notice>
      )}
      {needsReview && (
        <Notice>
          Needs review: this row corrects row {supersedes}, which has the same evidence, so neither can be
          trusted more. Compare the two.
        </Notice>
      )}
      {supersedes !== null && !needsReview && (
        <Notice>
          This row corrects row {supersedes},{' '}
          {earlierRevisions.length > 0 ? 'which has weaker evidence' : 'which has been deleted'}.
        </Notice>
      )}
    </>
  )
}

function Notice({ children }: { readonly children: ComponentChildren }) {
  return <p class="notice">{children}</p>
}
