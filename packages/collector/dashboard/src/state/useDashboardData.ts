import { useMemo } from 'preact/hooks'
import { buildListQuery, buildSummaryQuery } from '../api/buildQuery.ts'
import type { AlarmList, SessionEndPage, SiteStatusList, Summary } from '../api/types.ts'
import { useQuery } from '../api/useQuery.ts'
import { getTimeZone } from '../format/dateTime.ts'
import type { Route } from './route.ts'
import { formatSort, parseSort } from './sort.ts'

interface Triggers {
  readonly pollCount: number
  /** The minute of the last poll. */
  readonly minute: number
  /** Increases when the user tries again after an error. */
  readonly attempt: number
}

const pageSize = 50
/** A summary costs the collector more than a page of rows does. */
const pollsPerSummary = 3
/** The state of the sites changes slowly. */
const pollsPerStatus = 6

/** Requests everything that the page shows without further clicks. */
export function useDashboardData(route: Route, triggers: Triggers, onSignedOut: () => void) {
  const { pollCount, minute, attempt } = triggers
  const userRequest = `${buildListQuery(route, 0)} ${route.timeRange} ${attempt}`
  const { query, now } = useMemo(() => {
    const now = Date.now()
    return { now, query: buildListQuery(route, now) }
  }, [userRequest, minute])

  const pageQuery = buildPageQuery(query, route)
  const page = useQuery<SessionEndPage>(
    `v1/lapses?${pageQuery}`,
    { userRequest: `${userRequest} ${route.get('cursor')} ${route.get('sort')}`, pollCount },
    onSignedOut,
  )
  const summaryRequest = {
    parameters: buildSummaryQuery(query, now, route),
    userRequest: `${userRequest} ${route.zone} ${route.isComparing}`,
    pollCount: Math.floor(pollCount / pollsPerSummary),
    onSignedOut,
  }
  const summary = useQuery<Summary>(`v1/summary?${summaryRequest.parameters}`, summaryRequest, onSignedOut)
  const statusTriggers = {
    userRequest: `${route.zone} ${attempt}`,
    pollCount: Math.floor(pollCount / pollsPerStatus),
  }
  const sitesPath = `v1/sites?${new URLSearchParams({ timeZone: getTimeZone() })}`
  return {
    userRequest,
    query,
    now,
    page,
    summaryRequest,
    summary,
    status: useQuery<SiteStatusList>(sitesPath, statusTriggers, onSignedOut),
    alarms: useQuery<AlarmList>('v1/alarms', statusTriggers, onSignedOut),
  }
}

function buildPageQuery(query: URLSearchParams, route: Route): URLSearchParams {
  const pageQuery = new URLSearchParams(query)
  pageQuery.set('limit', String(pageSize))
  const cursor = route.get('cursor')
  const sort = formatSort(parseSort(route.get('sort')))
  if (cursor) pageQuery.set('cursor', cursor)
  if (sort) pageQuery.set('sort', sort)
  return pageQuery
}
