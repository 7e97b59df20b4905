import type { ComponentChildren, TargetedMouseEvent } from 'preact'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { SessionEnd } from '../api/types.ts'
import { formatAge } from '../format/age.ts'
import { formatDateTime, formatUtc, measureMs } from '../format/dateTime.ts'
import { calculateIdleMs, calculatePastLimitMs } from '../format/explainVerdict.ts'
import { evidenceLabels, reasonLabels } from '../format/labels.ts'
import { formatDuration } from '../format/numbers.ts'
import { isPlainClick, type Route } from '../state/route.ts'
import type { FilterValue } from '../state/valueFilters.ts'
import { SessionEndBadges } from './SessionEndBadges.tsx'
import { ValueLink } from './ValueLink.tsx'

interface Props {
  readonly sessionEnd: SessionEnd
  readonly route: Route
  /** The current time in epoch milliseconds. */
  readonly now: number
  readonly isMenuOpen: boolean
  readonly openMenu: (button: HTMLElement) => void
}

/** Two lines: what matters most above, and what places it below. */
export function SessionEndRow({ sessionEnd, route, now, isMenuOpen, openMenu }: Props) {
  const { id, reason, site, subject, session, marker, evidence, ip } = sessionEnd
  const rowLink = route.buildLinkProps({ row: String(id) }, 'detail')
  const openDetail = (event: TargetedMouseEvent<HTMLTableRowElement>) => {
    // The links have handled their own clicks already, and selecting text also ends with a click.
    if (event.defaultPrevented || !isPlainClick(event) || getSelection()?.type === 'Range') return
    // A dialog returns the focus to the element that had it before.
    event.currentTarget.querySelector('a')?.focus()
    rowLink.onClick(event)
  }
  const link = (key: FilterValue['key'], value: string | null, children?: ComponentChildren) =>
    value === null ? (
      '–'
    ) : (
      <ValueLink filterValue={{ key, value }} route={route}>
        {children}
      </ValueLink>
    )
  return (
    // The whole row can be clicked. The keyboard uses the link in it.
    <tr onClick={openDetail} class={route.get('row') === String(id) ? 'selected' : undefined}>
      <TimeCell sessionEnd={sessionEnd} now={now} rowLink={rowLink} />
      <td class="reason">
        {link(
          'reason',
          reason,
          <>
            <span class={`dot ${reason}`} />
            {reasonLabels[reason]}
          </>,
        )}
        <div class="second-line badges">
          <SessionEndBadges sessionEnd={sessionEnd} />
        </div>
      </td>
      <td class="identifiers">
        <div class="identifier">{link('user', subject)}</div>
        <div class="identifier second-line not-on-phones">{link('session', session ?? marker)}</div>
        <div class="second-line phones-only">{link('site', site)}</div>
      </td>
      <td class="site not-on-phones">
        {link('site', site)}
        <OriginLine sessionEnd={sessionEnd} route={route} />
      </td>
      <IdleTimeCell sessionEnd={sessionEnd} />
      <td class="evidence">
        {link('evidence', evidence, evidenceLabels[evidence])}
        <div class="second-line">{link('ip', ip)}</div>
      </td>
      <ReceivedCell sessionEnd={sessionEnd} />
      <td class="menu-cell">
        <button
          type="button"
          class="menu-button"
          aria-label={`Filter or exclude values of row ${id}`}
          aria-haspopup="dialog"
          aria-expanded={isMenuOpen}
          onClick={(event) => {
            event.preventDefault()
            openMenu(event.currentTarget)
          }}
        >
          ⋯
        </button>
      </td>
    </tr>
  )
}

interface CellProps {
  readonly sessionEnd: SessionEnd
}

interface TimeCellProps extends CellProps {
  readonly now: number
  readonly rowLink: ReturnType<Route['buildLinkProps']>
}

function TimeCell({ sessionEnd: { detectedAt }, now, rowLink }: TimeCellProps) {
  return (
    <td class="detected">
      <a {...rowLink}>
        <span class="age">{formatAge(detectedAt, now)}</span>{' '}
        <time class="second-line" dateTime={detectedAt} title={formatUtc(detectedAt)}>
          {formatDateTime(detectedAt)}
        </time>
      </a>
    </td>
  )
}

function OriginLine({ sessionEnd: { origin }, route }: CellProps & { readonly route: Route }) {
  return (
    <div class="second-line origin">
      {origin === null ? (
        '–'
      ) : (
        <ValueLink filterValue={{ key: 'origin', value: origin }} route={route}>
          <bdi>{escapeUnsafe(origin.replace(/^https:\/\//, ''))}</bdi>
        </ValueLink>
      )}
    </div>
  )
}

function IdleTimeCell({ sessionEnd }: CellProps) {
  const idleMs = calculateIdleMs(sessionEnd)
  const pastLimitMs = calculatePastLimitMs(sessionEnd)
  return (
    <td class="number not-on-phones">
      {idleMs === null ? '–' : formatDuration(idleMs)}
      <div class="second-line">{describePastLimit(pastLimitMs)}</div>
    </td>
  )
}

function describePastLimit(pastLimitMs: number | null): string {
  if (pastLimitMs === null) return ''
  return pastLimitMs < 0
    ? `${formatDuration(-pastLimitMs)} before limit`
    : `${formatDuration(pastLimitMs)} past limit`
}

function ReceivedCell({ sessionEnd: { detectedAt, receivedAt } }: CellProps) {
  const delayMs = measureMs(detectedAt, receivedAt) ?? 0
  return (
    <td class="wide-screens-only">
      <time dateTime={receivedAt} title={formatUtc(receivedAt)}>
        {formatDateTime(receivedAt)}
      </time>
      <div class="second-line">{delayMs >= 1000 && `${formatDuration(delayMs)} later`}</div>
    </td>
  )
}
