import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { Problem, type Row } from '../api/fetchJson.ts'
import { useAnswer } from '../api/useQuery.ts'
import { asDateTime, asDuration, asUtc, timeZone } from '../format/dateTime.ts'
import { explain, pastLimitMs } from '../format/explainVerdict.ts'
import { evidenceNames, reasonNames } from '../format/labels.ts'
import { type Changes, unfiltered, type View } from '../state/route.ts'
import { ProblemNote } from './ErrorNotice.tsx'

interface Props {
  readonly id: string
  readonly view: View
  readonly leave: () => void
}

const gone = new Problem(404, 'There is no such row any more.')

/** One row: its verdict in words and times, and all that is recorded. */
export function Detail({ id, view, leave }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const [attempt, setAttempt] = useState(0)
  // The address may name anything, `..` as well; no row has the id 0.
  const path = `v1/lapses/${/^\d{1,15}$/.test(id) ? id : 0}`
  const { data: row, problem, isLoading } = useAnswer<Row>(path, { wish: `${id} ${attempt}`, tick: 0 }, leave)

  const close = () => (view.step === 'detail' ? history.back() : view.go({ row: null }, 'replace'))
  const latest = useRef(close)
  latest.current = close
  // Undone while the dialog is still there, as a plain effect would not be.
  useLayoutEffect(() => {
    const element = dialog.current
    if (!element) return
    const closed = () => latest.current()
    element.addEventListener('close', closed)
    element.showModal()
    return () => {
      // Gone back from, it is to close all the same: else the focus does not return to where it came from.
      element.removeEventListener('close', closed)
      element.close()
    }
  }, [])

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside it closes it, as Escape does by itself.
    <dialog
      ref={dialog}
      aria-labelledby="detail-title"
      aria-busy={isLoading}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      <div class="detail">
        <header>
          <h2 id="detail-title">
            {row ? (
              <>
                <span class={`dot ${row.reason}`} />
                {reasonNames[row.reason]}
              </>
            ) : (
              `Row ${id}`
            )}
          </h2>
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </header>
        {problem && (
          <ProblemNote
            problem={problem.status === 404 ? gone : problem}
            retry={() => setAttempt((last) => last + 1)}
          />
        )}
        {row && <Verdict row={row} view={view} />}
      </div>
    </dialog>
  )
}

function Verdict({ row, view }: { readonly row: Row; readonly view: View }) {
  const { course, why, evidence, clock } = explain(row)
  return (
    <>
      <p class="course">{course}</p>
      <p>{why}</p>
      <Course row={row} />
      <dl class="words">
        <dt>Evidence: {evidenceNames[row.evidence].toLowerCase()}</dt>
        <dd>{evidence}</dd>
        {clock !== null && (
          <>
            <dt>Clock</dt>
            <dd>{clock}</dd>
          </>
        )}
      </dl>
      <h3>Times</h3>
      <table class="times">
        <thead>
          <tr>
            <td />
            <th scope="col">{timeZone}</th>
            <th scope="col">UTC</th>
          </tr>
        </thead>
        <tbody>
          {timesOf(row).map(([name, time]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{time === null ? unknown(name, row) : asDateTime(time)}</td>
              <td class="quiet">{time === null ? '' : asUtc(time)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <h3>Recorded</h3>
      <dl class="facts">
        {factsOf(row).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {row.subject !== null && (
        <p>
          <a {...view.link({ ...unfiltered, ...allOf(row) })}>All rows of this subject</a>
        </p>
      )}
    </>
  )
}

/** Whatever is shown now, and however long ago they were. */
const allOf = ({ site, subject }: Row): Changes => ({
  site,
  subject,
  range: '5y',
  row: null,
  cursor: null,
})

/** The idle time to scale: within the limit, and past it. */
function Course({ row }: { readonly row: Row }) {
  const past = pastLimitMs(row)
  if (past === null || past <= 0 || row.idleTimeoutSeconds === null) return null
  const limitMs = row.idleTimeoutSeconds * 1000
  // Somebody who came back after days would leave no room for the limit.
  const share = Math.min(Math.max(limitMs / (limitMs + past), 0.12), 0.88)
  return (
    <div class="span" aria-hidden="true">
      <div style={{ width: `${share * 100}%` }} class="within">
        limit {asDuration(limitMs)}
      </div>
      <div class="past">+ {asDuration(past)}</div>
    </div>
  )
}

const unknown = (name: string, { reason }: Row) =>
  name === 'Expired' && !reason.endsWith('_timeout') ? 'no limit was reached' : 'not known'

const timesOf = (row: Row) =>
  [
    ['Signed in', row.startedAt],
    ['Last seen', row.lastAccessAt],
    ['Expired', row.expiredAt],
    ['Noticed', row.detectedAt],
    ['Received', row.receivedAt],
  ] as const

const detectors = {
  login_page: 'A page without a session',
  new_session: 'The next sign-in',
  logout: 'The page, at the logout',
  server: 'The application’s server',
} as const satisfies Record<Row['detectedBy'], string>

function factsOf(row: Row): (readonly [string, string])[] {
  const seconds = (value: number | null) => (value === null ? null : asDuration(value * 1000))
  const facts = [
    ['Row', String(row.id)],
    ['Site', row.site],
    ['Subject', row.subject],
    ['Session', row.session],
    ['Marker', row.marker],
    ['Noticed by', detectors[row.detectedBy]],
    ['Idle for', row.elapsedMs === null ? null : asDuration(row.elapsedMs)],
    ['Idle timeout', seconds(row.idleTimeoutSeconds)],
    ['Absolute timeout', seconds(row.absoluteTimeoutSeconds)],
    ['Clock skew', asDuration(row.clockSkewMs)],
    ['Browser closed since', row.browserRestarted === null ? null : row.browserRestarted ? 'yes' : 'no'],
    ['Origin', row.origin],
    ['Address', row.ip],
    ['Browser', row.userAgent],
    ['Client', row.clientVersion],
  ] as const
  return facts.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
}
