import type { SessionEnd, SessionEndHistory } from '../api/types.ts'
import { formatDateTime, formatUtc } from '../format/dateTime.ts'
import { explainCorrection } from '../format/explainCorrection.ts'
import { describeTimeline } from '../format/explainVerdict.ts'
import { detectionLabels, evidenceLabels, reasonLabels } from '../format/labels.ts'
import type { Route } from '../state/route.ts'
import { RowLink } from './RowLink.tsx'

interface Props {
  readonly sessionEnd: SessionEndHistory
  readonly route: Route
}

/** Lists the rows that a row corrects: what each of them said, on what evidence, and why it no longer counts. */
export function EarlierRevisions({ sessionEnd, route }: Props) {
  const { earlierRevisions } = sessionEnd
  if (earlierRevisions.length === 0) return null
  return (
    <>
      <h3>Earlier revisions</h3>
      <ol class="earlier-revisions">
        {earlierRevisions.map((earlier, index) => (
          <EarlierRevision
            key={earlier.id}
            earlier={earlier}
            // The newest comes first, and each row corrects the one after it.
            correction={earlierRevisions[index - 1] ?? sessionEnd}
            route={route}
          />
        ))}
      </ol>
    </>
  )
}

interface RevisionProps {
  readonly earlier: SessionEnd
  readonly correction: SessionEnd
  readonly route: Route
}

function EarlierRevision({ earlier, correction, route }: RevisionProps) {
  const { id, reason, evidence, detectedBy, receivedAt } = earlier
  return (
    <li>
      <p class="revision-title">
        <span class={`dot ${reason}`} />
        <b>{reasonLabels[reason]}</b>
        <RowLink id={id} route={route} />
      </p>
      <p>{describeTimeline(earlier)}</p>
      <p>{explainCorrection(earlier, correction)}</p>
      <p class="muted">
        Evidence: {evidenceLabels[evidence].toLowerCase()}. Detected by:{' '}
        {lowercaseFirst(detectionLabels[detectedBy])}. Received{' '}
        <time dateTime={receivedAt} title={formatUtc(receivedAt)}>
          {formatDateTime(receivedAt)}
        </time>
        .
      </p>
    </li>
  )
}

const lowercaseFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
