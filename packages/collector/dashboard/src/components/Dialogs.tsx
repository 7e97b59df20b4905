import type { Route } from '../state/route.ts'
import { SessionEndDialog } from './SessionEndDialog.tsx'
import { UserHistoryDialog } from './UserHistoryDialog.tsx'

interface Props {
  readonly route: Route
  readonly onSignedOut: () => void
}

/** The dialogs that the URL opens. */
export function Dialogs({ route, onSignedOut }: Props) {
  const user = route.get('user')
  const row = route.get('row')
  return (
    <>
      {user && <UserHistoryDialog key={user} subject={user} route={route} onSignedOut={onSignedOut} />}
      {row && <SessionEndDialog id={row} route={route} onSignedOut={onSignedOut} />}
    </>
  )
}
