import type { ComponentChildren, RefObject } from 'preact'
import { useId, useLayoutEffect, useRef } from 'preact/hooks'

interface Props {
  readonly title: ComponentChildren
  /** Receives the heading, for a dialog that moves the focus there. */
  readonly titleRef?: RefObject<HTMLHeadingElement | null>
  readonly titleId?: string
  readonly isLoading: boolean
  /** Is called after the user has closed the dialog. */
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A modal dialog at the side of the page. Escape, a click beside it and its button close it. */
export function SideDialog({ title, titleRef, titleId, isLoading, onClose, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null)
  const ownTitleRef = useRef<HTMLHeadingElement>(null)
  const generatedId = useId()
  const headingId = titleId ?? generatedId
  const latestOnClose = useRef(onClose)
  latestOnClose.current = onClose
  // The clean-up of a layout effect runs while the dialog is still in the document.
  useLayoutEffect(() => {
    const element = dialog.current
    if (!element) return
    const close = () => latestOnClose.current()
    element.addEventListener('close', close)
    element.showModal()
    return () => {
      // Only a closed dialog returns the focus, so close it even if the user went back instead.
      element.removeEventListener('close', close)
      element.close()
    }
  }, [])

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click on the backdrop closes the dialog, as Escape does.
    <dialog
      ref={dialog}
      aria-labelledby={headingId}
      aria-busy={isLoading}
      onClick={({ target }) => target === dialog.current && dialog.current?.close()}
    >
      <div class="dialog-content">
        <header>
          <h2 id={headingId} ref={titleRef ?? ownTitleRef}>
            {title}
          </h2>
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
        </header>
        {children}
      </div>
    </dialog>
  )
}
