import { useState } from 'preact/hooks'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { Summary, SummaryGroup } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { EmptyState } from '../components/EmptyState.tsx'
import { ErrorNotice } from '../components/ErrorNotice.tsx'
import { ValueLink } from '../components/ValueLink.tsx'
import { formatCount, formatPercent } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { readSearch } from '../state/searchTerms.ts'
import { type InsightQuery, useInsights } from './useInsights.ts'

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
  readonly query: InsightQuery
}

const top = '20'

/** Lists the users whose sessions ended most often: by idle timeout, unless the search or the user asks otherwise. */
export function UsersTab({ summary, route, query }: Props) {
  const [isTimeoutsOnly, setTimeoutsOnly] = useState(true)
  const hasReason = readSearch(route.get('search'))?.terms.some(({ key }) => key === 'reason') ?? false
  const isNarrowed = isTimeoutsOnly && !hasReason
  const [attempt, setAttempt] = useState(0)
  const { data, error, isLoading } = useInsights(query, attempt, {
    groupBy: 'subject',
    top,
    ...(isNarrowed && { reason: 'idle_timeout' }),
  })
  const totals = summary.data?.totals
  const total = isNarrowed ? totals?.idleTimeouts : totals?.ended
  return (
    <div aria-busy={isLoading}>
      {!hasReason && (
        <fieldset class="segments">
          <legend class="visually-hidden">Count</legend>
          <button type="button" aria-pressed={isTimeoutsOnly} onClick={() => setTimeoutsOnly(true)}>
            Idle timeouts
          </button>
          <button type="button" aria-pressed={!isTimeoutsOnly} onClick={() => setTimeoutsOnly(false)}>
            All ended sessions
          </button>
        </fieldset>
      )}
      {error && <ErrorNotice error={error} retry={() => setAttempt((last) => last + 1)} />}
      {!data && !error && <EmptyState isLoading={isLoading} />}
      {data?.groups && (
        <UserTable
          groups={data.groups}
          total={total ?? sumCounts(data)}
          isComparing={!!data.previous}
          route={route}
        />
      )}
      {data?.otherCount ? <p class="muted">{formatCount(data.otherCount)} more of other users.</p> : null}
    </div>
  )
}

const sumCounts = ({ groups = [], otherCount = 0 }: Summary) =>
  groups.reduce((sum, { count }) => sum + count, otherCount)

interface TableProps {
  readonly groups: readonly SummaryGroup[]
  readonly total: number
  readonly isComparing: boolean
  readonly route: Route
}

function UserTable({ groups, total, isComparing, route }: TableProps) {
  if (groups.length === 0) return <p class="empty-state">No sessions of any user ended in this period.</p>
  return (
    <table class="user-table">
      <thead>
        <tr>
          <th scope="col">User</th>
          <th scope="col" class="number">
            Sessions
          </th>
          <th scope="col" class="number">
            Share
          </th>
          {isComparing && (
            <th scope="col" class="number" title="In the previous period">
              Before
            </th>
          )}
          <td />
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <UserRow key={group.key} group={group} total={total} isComparing={isComparing} route={route} />
        ))}
      </tbody>
    </table>
  )
}

interface RowProps extends Omit<TableProps, 'groups'> {
  readonly group: SummaryGroup
}

function UserRow({ group: { key, count, previousCount }, total, isComparing, route }: RowProps) {
  return (
    <tr>
      <th scope="row" class="identifier">
        {key === null ? (
          'unknown'
        ) : (
          <ValueLink filterValue={{ key: 'user', value: key }} route={route} isTabStop />
        )}
      </th>
      <td class="number">{formatCount(count)}</td>
      <td class="number muted">{total > 0 && formatPercent(count / total)}</td>
      {isComparing && <td class="number muted">{formatCount(previousCount ?? 0)}</td>}
      <td class="user-actions">
        {key !== null && (
          <a {...route.buildLinkProps({ user: key }, 'detail')}>
            History<span class="visually-hidden"> of {escapeUnsafe(key)}</span>
          </a>
        )}
      </td>
    </tr>
  )
}
