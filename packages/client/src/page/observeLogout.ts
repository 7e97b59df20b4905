import type { LogoutOptions } from '../types/lapse.ts'

/** Calls `onLogout` when the user clicks an element with `data-lapse-logout`, or submits a form with it. */
export function observeLogout(onLogout: (options: LogoutOptions) => void) {
  // A click on something in a form is not a logout yet.
  for (const [type, selector] of [
    ['click', ':not(form)'],
    ['submit', 'form'],
  ] as const) {
    // Capture, because the application may stop the event and sign out with `fetch`.
    document.addEventListener(
      type,
      ({ target }) => {
        // A target that is not an element, such as the document, has no `closest`.
        const element = (target as Element).closest?.<HTMLElement>(`${selector}[data-lapse-logout]`)
        if (element)
          onLogout(element.dataset.lapseLogout === 'idle_timeout' ? { reason: 'idle_timeout' } : {})
      },
      true,
    )
  }
}
