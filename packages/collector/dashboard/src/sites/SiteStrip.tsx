import type { SiteStatusList } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { ErrorNotice } from '../components/ErrorNotice.tsx'
import type { Route } from '../state/route.ts'
import { useClock } from '../state/useClock.ts'
import { SiteCard } from './SiteCard.tsx'

interface Props {
  readonly status: QueryState<SiteStatusList>
  /** The configured sites, which have a place before their status is known. */
  readonly sites: readonly string[]
  readonly route: Route
  readonly retry: () => void
}

const ageIntervalMs = 15_000

/** Answers whether every site is still reporting. */
export function SiteStrip({ status: { data, error, isLoading }, sites, route, retry }: Props) {
  const now = useClock(ageIntervalMs)
  if (error && !data) return <ErrorNotice error={error} retry={retry} />
  return (
    <section class="site-strip" aria-label="Sites" aria-busy={isLoading}>
      <ul>
        {data
          ? data.sites.map((status) => (
              <li key={status.site}>
                <SiteCard status={status} route={route} now={now} />
              </li>
            ))
          : sites.map((site) => (
              <li key={site} class="site-card skeleton">
                <b class="site-name">{site}</b>
              </li>
            ))}
      </ul>
    </section>
  )
}
