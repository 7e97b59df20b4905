import type { Alarm } from '../api/types.ts'
import { PopoverButton } from '../components/PopoverButton.tsx'
import { formatDateTime, formatUtc } from '../format/dateTime.ts'
import { formatCount } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'

interface Props {
  readonly alarms: readonly Alarm[]
  readonly route: Route
}

/** Says how many alarms there are, and lists them in a popover. */
export function AlarmsButton({ alarms, route }: Props) {
  if (alarms.length === 0) return null
  return (
    <PopoverButton
      class="alarms-button"
      title="Alarms"
      label={`${formatCount(alarms.length)} ${alarms.length === 1 ? 'alarm' : 'alarms'}`}
    >
      {(close) => (
        <ul class="alarm-list">
          {alarms.map(({ kind, site, since, message }) => (
            <li key={JSON.stringify([kind, site, message])}>
              <p>{message}</p>
              <p class="muted">
                since{' '}
                <time dateTime={since} title={formatUtc(since)}>
                  {formatDateTime(since)}
                </time>
                {site !== null && (
                  <>
                    {' · '}
                    <a {...closeOnClick(route.buildLinkProps({ site, cursor: null }), close)}>show {site}</a>
                  </>
                )}
              </p>
            </li>
          ))}
        </ul>
      )}
    </PopoverButton>
  )
}

function closeOnClick({ href, onClick }: ReturnType<Route['buildLinkProps']>, close: () => void) {
  return {
    href,
    onClick(event: MouseEvent) {
      onClick(event)
      close()
    },
  }
}
