import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/fetchJson.ts'
import type { SessionEndHistory } from '../api/types.ts'
import { useQuery } from '../api/useQuery.ts'
import { reasonLabels } from '../format/labels.ts'
import type { Route } from '../state/route.ts'
import { ErrorNotice } from './ErrorNotice.tsx'
import { SessionEndDetails } from './SessionEndDetails.tsx'
import { SideDialog } from './SideDialog.tsx'

interface Props {
  readonly id: string
  readonly route: Route
  readonly onSignedOut: () => void
}

const notFound = new ApiError(404, 'Ended session not found. It may have been deleted.')

export function SessionEndDialog({ id, route, onSignedOut }: Props) {
  const title = useRef<HTMLHeadingElement>(null)
  const [attempt, setAttempt] = useState(0)
  // The id comes from the URL and may be anything, such as `..`. No row has the id 0.
  const path = `v1/lapses/${/^\d{1,15}$/.test(id) ? id : 0}`
  const triggers = { userRequest: `${id} ${attempt}`, pollCount: 0 }
  const { data: sessionEnd, error, isLoading } = useQuery<SessionEndHistory>(path, triggers, onSignedOut)

  // A link to another revision replaces the content, and with it the element that had the focus.
  const shownId = useRef<number | undefined>(undefined)
  useEffect(() => {
    const previousId = shownId.current
    shownId.current = sessionEnd?.id ?? previousId
    if (previousId === undefined || previousId === shownId.current || !title.current) return
    // Not from the start, or the heading would get the focus when the dialog opens.
    title.current.tabIndex = -1
    title.current.focus()
  }, [sessionEnd?.id])

  return (
    <SideDialog
      titleId="session-end-title"
      titleRef={title}
      title={
        sessionEnd ? (
          <>
            <span class={`dot ${sessionEnd.reason}`} />
            {reasonLabels[sessionEnd.reason]}
          </>
        ) : (
          `Ended session ${id}`
        )
      }
      isLoading={isLoading}
      onClose={() =>
        route.navigation === 'detail' ? history.back() : route.navigate({ row: null }, 'replace')
      }
    >
      {error && (
        <ErrorNotice
          error={error.status === 404 ? notFound : error}
          retry={() => setAttempt((last) => last + 1)}
        />
      )}
      {sessionEnd && <SessionEndDetails sessionEnd={sessionEnd} route={route} />}
    </SideDialog>
  )
}
