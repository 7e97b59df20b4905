import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { SessionEnd } from '../api/types.ts'
import { evidenceLabels, reasonLabels } from '../format/labels.ts'
import type { Route } from '../state/route.ts'
import { excludeValue, type FilterValue, filterBy } from '../state/valueFilters.ts'

export interface OpenMenu {
  readonly sessionEnd: SessionEnd
  /** The button that opened the menu, which is placed beside it. */
  readonly button: HTMLElement
}

interface Props {
  readonly menu: OpenMenu
  readonly route: Route
  readonly onClose: () => void
}

/** Offers to filter by each value of a row or to exclude it. Works with the keyboard and without a mouse. */
export function RowMenu({ menu: { sessionEnd, button }, route, onClose }: Props) {
  const popover = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const element = popover.current
    if (!element) return
    element.showPopover()
    placeBeside(element, button)
    element.querySelector('a')?.focus()
    return () => element.hidePopover()
  }, [])
  useCloseHandler(popover, button, onClose)
  const close = () => popover.current?.hidePopover()

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click on one of the links closes the menu, as Escape does.
    <div
      ref={popover}
      popover="auto"
      class="row-menu"
      role="dialog"
      aria-label={`Values of row ${sessionEnd.id}`}
      onClick={({ target }) => target instanceof Element && target.closest('a') && close()}
    >
      <ul>
        {listValues(sessionEnd).map(({ label, text, ...filterValue }) => (
          <li key={filterValue.key}>
            <span class="muted">{label}</span>
            <bdi class="menu-value" title={escapeUnsafe(text)}>
              {escapeUnsafe(text)}
            </bdi>
            <a {...route.buildLinkProps(filterBy(route, filterValue))}>
              Only
              <Target label={label} text={text} />
            </a>
            <a {...route.buildLinkProps(excludeValue(route, filterValue))}>
              Exclude
              <Target label={label} text={text} />
            </a>
          </li>
        ))}
      </ul>
      {sessionEnd.subject !== null && (
        <a {...route.buildLinkProps({ user: sessionEnd.subject }, 'detail')}>History of this user</a>
      )}
    </div>
  )
}

/** Names the value of a link for screen readers. */
function Target({ label, text }: Pick<LabeledValue, 'label' | 'text'>) {
  return (
    <span class="visually-hidden">
      {' '}
      {label.toLowerCase()} {escapeUnsafe(text)}
    </span>
  )
}

/** Calls `onClose` when the popover is closed in any way. The button that opened it then has the focus again. */
function useCloseHandler(
  popover: { readonly current: HTMLElement | null },
  button: HTMLElement,
  onClose: () => void,
): void {
  const latestOnClose = useRef(onClose)
  latestOnClose.current = onClose
  useEffect(() => {
    const element = popover.current
    if (!element) return
    const handleToggle = (event: ToggleEvent) => {
      if (event.newState !== 'closed') return
      if (document.activeElement === document.body) button.focus()
      latestOnClose.current()
    }
    element.addEventListener('toggle', handleToggle)
    return () => element.removeEventListener('toggle', handleToggle)
  }, [])
}

/** Places the menu below its button, or above it where there is no room, so that it scrolls with the page. */
function placeBeside(menu: HTMLElement, button: HTMLElement): void {
  const { top, bottom, right } = button.getBoundingClientRect()
  const fitsBelow = bottom + menu.offsetHeight < innerHeight || top < menu.offsetHeight
  menu.style.top = `${scrollY + (fitsBelow ? bottom : top - menu.offsetHeight)}px`
  menu.style.left = `${Math.max(right - menu.offsetWidth, 0)}px`
}

interface LabeledValue extends FilterValue {
  readonly label: string
  readonly text: string
}

function listValues({ reason, subject, session, marker, site, origin, evidence, ip }: SessionEnd) {
  const values: (Omit<LabeledValue, 'value' | 'text'> & { value: string | null; text?: string })[] = [
    { key: 'user', label: 'User', value: subject },
    { key: 'session', label: 'Session', value: session ?? marker },
    { key: 'reason', label: 'Reason', value: reason, text: reasonLabels[reason] },
    { key: 'site', label: 'Site', value: site },
    { key: 'origin', label: 'Origin', value: origin },
    { key: 'ip', label: 'IP address', value: ip },
    { key: 'evidence', label: 'Evidence', value: evidence, text: evidenceLabels[evidence] },
  ]
  return values.flatMap(({ value, text, ...rest }): LabeledValue[] =>
    value === null ? [] : [{ ...rest, value, text: text ?? value }],
  )
}
