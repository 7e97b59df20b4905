import { useEffect, useState } from 'preact/hooks'
import { readCollectorTime } from '../api/collectorClock.ts'
import type { LiveSession } from '../api/types.ts'
import { formatCountdown } from '../format/countdown.ts'
import { formatDateTime, formatUtc } from '../format/dateTime.ts'
import { evidenceLabels } from '../format/labels.ts'
import type { Route } from '../state/route.ts'

interface Props {
  readonly sessions: readonly LiveSession[]
  /** Whether these are all sessions. Only then can the first to expire be at the top. */
  readonly isComplete: boolean
  readonly route: Route
}

export function LiveSessionTable({ sessions, isComplete, route }: Props) {
  const now = useCollectorTime()
  const sorted = isComplete ? sessions.toSorted((a, b) => a.expiresAt.localeCompare(b.expiresAt)) : sessions
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard.
    <section class="scroll-area" tabIndex={0} aria-label="Live sessions">
      <table>
        <thead>
          <tr>
            <th scope="col">Subject</th>
            <th scope="col" class="wide-screens-only">
              Session
            </th>
            <th scope="col" class="not-on-phones">
              Site
            </th>
            <th scope="col" class="not-on-phones">
              Since
            </th>
            <th scope="col">Last seen</th>
            <th scope="col">Expires</th>
            <th scope="col" class="not-on-phones">
              Evidence
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((session) => (
            <LiveSessionRow
              key={JSON.stringify([session.site, session.sessionKey])}
              session={session}
              now={now}
              route={route}
            />
          ))}
        </tbody>
      </table>
    </section>
  )
}

interface RowProps {
  readonly session: LiveSession
  readonly now: number
  readonly route: Route
}

function LiveSessionRow({ session: live, now, route }: RowProps) {
  const { subject, session, marker, site, startedAt, lastAccessAt, expiresAt, evidence, resumes } = live
  return (
    <tr>
      <td class="identifier">{subject ?? 'unknown'}</td>
      <td class="identifier wide-screens-only">{session ?? marker ?? '–'}</td>
      <td class="site not-on-phones" title={site}>
        {site}
      </td>
      <td class="not-on-phones">
        {startedAt === null ? 'unknown' : <Time time={startedAt} />}
        {resumes !== null && (
          <a
            {...route.buildLinkProps({ row: String(resumes) }, 'detail')}
            class="badge"
            title="The end of this session was reported before. Shows that report."
          >
            in use again
          </a>
        )}
      </td>
      <td>
        <Time time={lastAccessAt} />
      </td>
      <td class="countdown" title={`${formatDateTime(expiresAt)} (${formatUtc(expiresAt)})`}>
        {formatCountdown(Date.parse(expiresAt), now)}
      </td>
      <td class="evidence not-on-phones">{evidenceLabels[evidence]}</td>
    </tr>
  )
}

function Time({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={formatUtc(time)}>
      {formatDateTime(time)}
    </time>
  )
}

/** Returns the collector's current time, in epoch milliseconds, and renders again every second. */
function useCollectorTime(): number {
  const [, setTick] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => setTick((last) => last + 1), 1000)
    return () => clearInterval(timer)
  }, [])
  return readCollectorTime()
}
