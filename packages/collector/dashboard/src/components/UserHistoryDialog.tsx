import { useState } from 'preact/hooks'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import { getTimeZone } from '../format/dateTime.ts'
import type { Route } from '../state/route.ts'
import { setTerm } from '../state/searchTerms.ts'
import { SideDialog } from './SideDialog.tsx'
import { UserHistoryPage } from './UserHistoryPage.tsx'

interface Props {
  readonly subject: string
  readonly route: Route
  readonly onSignedOut: () => void
}

/** Lists the sessions of one user, live ones included, whatever the filters of the page are. */
export function UserHistoryDialog({ subject, route, onSignedOut }: Props) {
  const [isLoading, setLoading] = useState(true)
  // The first page has no cursor.
  const [cursors, setCursors] = useState<readonly string[]>([''])
  return (
    <SideDialog
      title={
        <>
          History of <bdi>{escapeUnsafe(subject)}</bdi>
        </>
      }
      isLoading={isLoading}
      onClose={() =>
        route.navigation === 'detail' ? history.back() : route.navigate({ user: null }, 'replace')
      }
    >
      <p class="muted">
        All sessions on all sites, the latest first, times in {getTimeZone()}.{' '}
        <a
          {...route.buildLinkProps({
            search: setTerm('', 'user', subject),
            user: null,
            cursor: null,
          })}
        >
          Show the ended ones in the list
        </a>
      </p>
      {cursors.map((cursor, index) => (
        <UserHistoryPage
          key={cursor}
          subject={subject}
          cursor={cursor}
          route={route}
          setLoading={setLoading}
          onSignedOut={onSignedOut}
          showNext={index === cursors.length - 1 ? (next) => setCursors((last) => [...last, next]) : null}
        />
      ))}
    </SideDialog>
  )
}
