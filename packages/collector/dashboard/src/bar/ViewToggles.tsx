import type { Route } from '../state/route.ts'

interface Props {
  readonly route: Route
}

const localTimeZone = Intl.DateTimeFormat().resolvedOptions().timeZone

/** How to look at the selected rows: with or without the previous period, and in which time zone. */
export function ViewToggles({ route }: Props) {
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
      <fieldset class="segments">
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
    </>
  )
}
