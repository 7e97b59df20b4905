import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from '../api/fetchJson.ts'
import type { SessionEndHistory } from '../api/types.ts'
import { useQuery } from '../api/useQuery.ts'
import { reasonLabels } from '../format/labels.ts'
import type { Route } from '../state/route.ts'
import { ErrorNotice } from './ErrorNotice.tsx'
import { SessionEndDetails } from './SessionEndDetails.tsx'

interface Props {
  readonly id: string
  readonly route: Route
  readonly onSignedOut: () => void
}

const notFound = new ApiError(404, 'Ended session not found. It may have been deleted.')

export function SessionEndDialog({ id, route, onSignedOut }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const title = useRef<HTMLHeadingElement>(null)
  const [attempt, setAttempt] = useState(0)
  // The id comes from the URL and may be anything, such as `..`. No row has the id 0.
  const path = `v1/lapses/${/^\d{1,15}$/.test(id) ? id : 0}`
  const triggers = { userRequest: `${id} ${attempt}`, pollCount: 0 }
  const { data: sessionEnd, error, isLoading } = useQuery<SessionEndHistory>(path, triggers, onSignedOut)

  const leaveDetail = () =>
    route.navigation === 'detail' ? history.back() : route.navigate({ row: null }, 'replace')
  const latestLeaveDetail = useRef(leaveDetail)
  latestLeaveDetail.current = leaveDetail
  // The clean-up of a layout effect runs while the dialog is still in the document.
  useLayoutEffect(() => {
    const element = dialog.current
    if (!element) return
    const onClose = () => latestLeaveDetail.current()
    element.addEventListener('close', onClose)
    element.showModal()
    return () => {
      // Only a closed dialog returns the focus, so close it even if the user went back instead.
      element.removeEventListener('close', onClose)
      element.close()
    }
  }, [])

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
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click on the backdrop closes the dialog, as Escape does.
    <dialog
      ref={dialog}
      aria-labelledby="session-end-title"
      aria-busy={isLoading}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-content">
        <header>
          <h2 id="session-end-title" ref={title}>
            {sessionEnd ? (
              <>
                <span class={`dot ${sessionEnd.reason}`} />
                {reasonLabels[sessionEnd.reason]}
              </>
            ) : (
              `Ended session ${id}`
            )}
          </h2>
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </header>
        {error && (
          <ErrorNotice
            error={error.status === 404 ? notFound : error}
            retry={() => setAttempt((last) => last + 1)}
          />
        )}
        {sessionEnd && <SessionEndDetails sessionEnd={sessionEnd} route={route} />}
      </div>
    </dialog>
  )
}
