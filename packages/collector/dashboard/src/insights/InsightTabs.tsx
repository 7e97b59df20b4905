import type { Summary } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import type { Route } from '../state/route.ts'
import { EvidenceTab } from './EvidenceTab.tsx'
import { LimitTab } from './LimitTab.tsx'
import { UsersTab } from './UsersTab.tsx'
import type { InsightQuery } from './useInsights.ts'

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
  /** What the tabs request, each when it is opened. */
  readonly query: InsightQuery
}

const tabs = [
  { name: 'users', label: 'Top users', Panel: UsersTab },
  { name: 'limit', label: 'Is the limit too short?', Panel: LimitTab },
  { name: 'evidence', label: 'Evidence', Panel: EvidenceTab },
] as const

const steps = new Map([
  ['ArrowLeft', -1],
  ['ArrowRight', 1],
])

/** Three views of the selected session ends. Only the open one requests its data. */
export function InsightTabs({ summary, route, query }: Props) {
  const open = tabs.find(({ name }) => name === route.get('tab')) ?? tabs[0]
  const openTab = (index: number) => {
    const tab = tabs[(index + tabs.length) % tabs.length] ?? tabs[0]
    route.navigate({ tab: tab === tabs[0] ? null : tab.name }, 'replace')
    document.getElementById(`tab-${tab.name}`)?.focus()
  }
  const moveFocus = (event: KeyboardEvent) => {
    const step = steps.get(event.key)
    if (step === undefined && event.key !== 'Home' && event.key !== 'End') return
    event.preventDefault()
    openTab(event.key === 'Home' ? 0 : event.key === 'End' ? -1 : tabs.indexOf(open) + (step ?? 0))
  }
  return (
    <section class="card insights" aria-label="Insights">
      <div class="tabs" role="tablist" aria-label="Insights" onKeyDown={moveFocus}>
        {tabs.map((tab, index) => (
          <button
            key={tab.name}
            id={`tab-${tab.name}`}
            type="button"
            role="tab"
            aria-selected={tab === open}
            aria-controls="tab-panel"
            tabIndex={tab === open ? 0 : -1}
            onClick={() => openTab(index)}
          >
            {tab.label}
          </button>
        ))}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable panel must be reachable by keyboard. */}
      <div id="tab-panel" class="tab-panel" role="tabpanel" tabIndex={0} aria-labelledby={`tab-${open.name}`}>
        <open.Panel summary={summary} route={route} query={query} />
      </div>
    </section>
  )
}
