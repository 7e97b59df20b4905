import type { LogoutOptions } from '../types/lapse.ts'

/** Calls `onLogout` when the user clicks an element with `data-lapse-logout`, or submits a form with it. */
export function observeLogout(onLogout: (options: LogoutOptions) => void) {
  for (const type of ['click', 'submit']) {
    // Capture, because the application may stop the event and sign out with `fetch`.
    addEventListener(
      type,
      ({ target }) => {
        // A target that is not an element, such as the document, has no `closest`.
        const element = (target as Element).closest?.<HTMLElement>('[data-lapse-logout]')
        // A click on something in a form is not a logout yet.
        if (element && (type === 'submit') === element.matches('form'))
          onLogout(element.dataset.lapseLogout === 'idle_timeout' ? { reason: 'idle_timeout' } : {})
      },
      true,
    )
  }
}
