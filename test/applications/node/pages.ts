import type { HostOptions, SignedIn } from '../../client/hostOptions.ts'
import { renderAppPage, renderLoginPage } from '../../client/pages.ts'

/**
 * Renders the page of a signed-in user, with a form that posts to `/logout`.
 *
 * @param state the `data-state` of the tag.
 */
export function renderSignedIn(options: HostOptions, user: SignedIn, state = 'active'): string {
  return renderAppPage(options, createTagQuery(options, state), user)
}

/** Renders the login page. */
export function renderSignedOut(options: HostOptions, state = 'absent'): string {
  return renderLoginPage(options, createTagQuery(options, state))
}

/** These pages take the attributes of the tag from the query of their address. */
function createTagQuery({ idleTimeoutSeconds }: HostOptions, state: string): URL {
  const query = { 'data-idle-timeout-seconds': String(idleTimeoutSeconds), 'data-state': state }
  return new URL(`http://127.0.0.1/?${new URLSearchParams(query)}`)
}
