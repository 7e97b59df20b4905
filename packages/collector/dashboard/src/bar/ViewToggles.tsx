import type { Route } from '../state/route.ts'

interface Props {
  readonly route: Route
  readonly isLive: boolean
  readonly setLive: (isLive: boolean) => void
  readonly isCollectorUnavailable: boolean
}

const localTimeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** How to look at the selected rows: with the previous period, in which time zone, and whether new rows appear. */
export function ViewToggles({ route, isLive, setLive, isCollectorUnavailable }: Props) {
  const { isComparing, zone } = route
  return (
    <>
      <button
        type="button"
        class="toggle"
        aria-pressed={isComparing}
        title="Compare with the previous period"
        onClick={() => route.navigate({ compare: isComparing ? '0' : null })}
      >
        Compare
      </button>
      <fieldset class="segmented">
        <legend class="visually-hidden">Time zone</legend>
        <button
          type="button"
          aria-pressed={zone === 'local'}
          title={localTimeZone}
          onClick={() => route.navigate({ tz: null, cursor: null })}
        >
          Local
        </button>
        <button
          type="button"
          aria-pressed={zone === 'utc'}
          onClick={() => route.navigate({ tz: 'utc', cursor: null })}
        >
          UTC
        </button>
      </fieldset>
      <button
        type="button"
        class={`live-button ${isCollectorUnavailable ? 'unavailable' : ''}`}
        aria-pressed={isLive}
        onClick={() => setLive(!isLive)}
      >
        {isLive && isCollectorUnavailable ? 'Live: update failed' : 'Live'}
      </button>
    </>
  )
}
