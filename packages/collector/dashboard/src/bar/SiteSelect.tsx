import type { Route } from '../state/route.ts'

interface Props {
  readonly route: Route
  readonly sites: readonly string[]
}

export function SiteSelect({ route, sites }: Props) {
  const site = route.get('site')
  // The URL may name a site that is no longer configured, but whose rows are still stored.
  const isUnknown = site !== '' && !sites.includes(site)
  return (
    <select
      class="site-select"
      aria-label="Site"
      value={site}
      onChange={({ currentTarget }) => route.navigate({ site: currentTarget.value, cursor: null })}
    >
      <option value="">All sites</option>
      {isUnknown && <option value={site}>{site}</option>}
      {sites.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  )
}
