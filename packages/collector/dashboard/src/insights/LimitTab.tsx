import { useId, useState } from 'preact/hooks'
import type { SiteSummary, Summary } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { PastLimitDistribution } from '../charts/PastLimitDistribution.tsx'
import { EmptyState } from '../components/EmptyState.tsx'
import type { Route } from '../state/route.ts'
import { describeBasis, describeKept, describeTimeouts } from './longerLimit.ts'

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
}

/** Answers whether the limit of one site is too short: sites may have different limits, so they are not mixed. */
export function LimitTab({ summary: { data, isLoading }, route }: Props) {
  const [chosenSite, chooseSite] = useState<string | null>(null)
  if (!data) return <EmptyState isLoading={isLoading} />
  const sites = data.sites.toSorted((a, b) => b.idleTimeouts - a.idleTimeouts)
  const site = sites.find((each) => each.site === (route.get('site') || chosenSite)) ?? sites[0]
  if (!site) return <p class="empty-state">No idle timeouts in this period.</p>
  const hasChoice = !route.get('site') && sites.length > 1
  return (
    <div class="limit-tab" aria-busy={isLoading}>
      <p class="limit-heading">
        {hasChoice ? (
          <select
            aria-label="Site"
            value={site.site}
            onChange={({ currentTarget }) => chooseSite(currentTarget.value)}
          >
            {sites.map(({ site }) => (
              <option key={site} value={site}>
                {site}
              </option>
            ))}
          </select>
        ) : (
          <b>{site.site}</b>
        )}{' '}
        {describeTimeouts(site)}
      </p>
      {site.pastLimit.count > 0 ? (
        <LongerLimit key={site.site} site={site} />
      ) : (
        <p class="empty-state">No user is known to have come back, so limits cannot be compared.</p>
      )}
    </div>
  )
}

/** Shown first: what most people would try next. */
const firstExtraMinutes = 15

function LongerLimit({ site }: { readonly site: SiteSummary }) {
  const { pastLimit, keptBy } = site
  const [step, setStep] = useState(() =>
    Math.max(
      keptBy.findIndex(({ extraMinutes }) => extraMinutes === firstExtraMinutes),
      0,
    ),
  )
  const id = useId()
  const kept = keptBy[step]
  if (!kept) return null
  const sentence = describeKept(site, kept)
  return (
    <>
      <input
        id={id}
        class="limit-slider"
        type="range"
        aria-label="Longer limit"
        min={0}
        max={keptBy.length - 1}
        step={1}
        value={step}
        aria-valuetext={sentence}
        onInput={({ currentTarget }) => setStep(currentTarget.valueAsNumber)}
      />
      <output class="headline" for={id}>
        {sentence}
      </output>
      <p class="muted">{describeBasis(site, kept)}</p>
      <details>
        <summary>When users came back</summary>
        <PastLimitDistribution pastLimit={pastLimit} />
      </details>
    </>
  )
}
