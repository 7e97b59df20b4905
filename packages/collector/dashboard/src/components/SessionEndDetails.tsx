import type { SessionEnd, SessionEndHistory } from '../api/types.ts'
import { formatDateTime, formatUtc, getTimeZone } from '../format/dateTime.ts'
import { calculateIdleMs, calculatePastLimitMs, explainVerdict } from '../format/explainVerdict.ts'
import { detectionLabels, evidenceLabels } from '../format/labels.ts'
import { formatDuration } from '../format/numbers.ts'
import { clearedFilters, type Route } from '../state/route.ts'
import { formatTerm } from '../state/searchTerms.ts'
import { EarlierRevisions } from './EarlierRevisions.tsx'
import { RevisionNotices } from './RevisionNotices.tsx'

interface Props {
  readonly sessionEnd: SessionEnd
}

interface DetailsProps {
  readonly sessionEnd: SessionEndHistory
  readonly route: Route
}

/** Explains the verdict, and shows everything that is stored about a session end. */
export function SessionEndDetails({ sessionEnd, route }: DetailsProps) {
  const { timeline, reason, userReturn, evidence, clock } = explainVerdict(sessionEnd)
  const { site, subject } = sessionEnd
  return (
    <>
      <RevisionNotices sessionEnd={sessionEnd} route={route} />
      <p class="timeline">{timeline}</p>
      {userReturn !== null && <p>{userReturn}</p>}
      <p>{reason}</p>
      <IdleTimeBar sessionEnd={sessionEnd} />
      <dl class="explanations">
        <dt>Evidence: {evidenceLabels[sessionEnd.evidence].toLowerCase()}</dt>
        <dd>{evidence}</dd>
        {clock !== null && (
          <>
            <dt>Clock</dt>
            <dd>{clock}</dd>
          </>
        )}
      </dl>
      <EarlierRevisions sessionEnd={sessionEnd} route={route} />
      <h3>Times</h3>
      <TimesTable sessionEnd={sessionEnd} />
      <h3>Details</h3>
      <FieldList sessionEnd={sessionEnd} />
      {subject !== null && (
        <p>
          <a
            {...route.buildLinkProps({
              ...clearedFilters,
              site,
              search: formatTerm('user', subject),
              range: '5y',
              row: null,
              cursor: null,
            })}
          >
            All ended sessions of this subject
          </a>
        </p>
      )}
    </>
  )
}

/** The smallest share of the bar for either part, so that its text fits. */
const minShare = 0.12

/** Shows the idle time to scale: the part within the limit, and the part past it. */
function IdleTimeBar({ sessionEnd }: Props) {
  const pastLimitMs = calculatePastLimitMs(sessionEnd)
  if (pastLimitMs === null || pastLimitMs <= 0 || sessionEnd.idleTimeoutSeconds === null) return null
  const limitMs = sessionEnd.idleTimeoutSeconds * 1000
  const share = Math.min(Math.max(limitMs / (limitMs + pastLimitMs), minShare), 1 - minShare)
  return (
    <div class="idle-time-bar" aria-hidden="true">
      <div style={{ width: `${share * 100}%` }} class="within-limit">
        limit {formatDuration(limitMs)}
      </div>
      <div class="past-limit">+ {formatDuration(pastLimitMs)}</div>
    </div>
  )
}

function TimesTable({ sessionEnd }: Props) {
  return (
    <table class="times-table">
      <thead>
        <tr>
          <td />
          <th scope="col">{getTimeZone()}</th>
          <th scope="col">UTC</th>
        </tr>
      </thead>
      <tbody>
        {listTimes(sessionEnd).map(({ name, time, missingText = 'Unknown' }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{time === null ? missingText : formatDateTime(time)}</td>
            <td class="muted">{time === null ? '' : formatUtc(time)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

interface NamedTime {
  readonly name: string
  readonly time: string | null
  /** What to show if the time is null. */
  readonly missingText?: string
}

function listTimes(sessionEnd: SessionEnd): NamedTime[] {
  const { reason, detectedBy, returnedAt, resumedAt, supersededBy } = sessionEnd
  const isTimeout = reason.endsWith('_timeout')
  const isReturnExpected = detectedBy === 'sweep' && resumedAt === null && supersededBy === null
  return [
    { name: 'Signed in', time: sessionEnd.startedAt },
    { name: 'Last access', time: sessionEnd.lastAccessAt },
    {
      name: 'Expired',
      time: sessionEnd.expiredAt,
      missingText: isTimeout ? 'Unknown' : 'No limit was reached',
    },
    { name: 'Detected', time: sessionEnd.detectedAt },
    { name: 'Received', time: sessionEnd.receivedAt },
    ...(isReturnExpected || returnedAt !== null
      ? [{ name: 'Came back', time: returnedAt, missingText: 'Not yet' }]
      : []),
    ...(resumedAt === null ? [] : [{ name: 'In use again', time: resumedAt }]),
  ]
}

function FieldList({ sessionEnd }: Props) {
  return (
    <dl class="field-list">
      {listFields(sessionEnd).map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function listFields(sessionEnd: SessionEnd): { readonly name: string; readonly value: string }[] {
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, browserRestarted } = sessionEnd
  const formatMs = (ms: number | null) => (ms === null ? null : formatDuration(ms))
  const formatSeconds = (seconds: number | null) => (seconds === null ? null : formatDuration(seconds * 1000))
  const values = {
    ID: String(sessionEnd.id),
    Revision: String(sessionEnd.revision),
    Site: sessionEnd.site,
    Subject: sessionEnd.subject,
    Session: sessionEnd.session,
    Marker: sessionEnd.marker,
    'Detected by': detectionLabels[sessionEnd.detectedBy],
    'Idle for': formatMs(calculateIdleMs(sessionEnd)),
    'Idle timeout': formatSeconds(idleTimeoutSeconds),
    'Absolute timeout': formatSeconds(absoluteTimeoutSeconds),
    'Clock skew': formatDuration(sessionEnd.clockSkewMs),
    'Browser was closed': browserRestarted === null ? null : browserRestarted ? 'Yes' : 'No',
    Origin: sessionEnd.origin,
    'IP address': sessionEnd.ip,
    'User agent': sessionEnd.userAgent,
    'Client version': sessionEnd.clientVersion,
  }
  return Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]))
}
