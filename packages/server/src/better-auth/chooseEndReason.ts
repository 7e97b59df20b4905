import type { EndReason } from '../reports.ts'

/** Endpoints with which users leave a session themselves. */
const logoutPaths = ['/sign-out', '/multi-session/revoke', '/admin/stop-impersonating']

/** Endpoints that create a session. What they delete, gives way to the new session. */
const signInPaths =
  /^\/(sign-in|sign-up|callback|oauth2\/callback|sso\/callback|sso\/saml2|two-factor|magic-link\/verify|email-otp\/verify-email|phone-number\/verify|passkey\/verify-authentication|one-tap\/callback|one-time-token\/verify|siwe\/verify|verify-email)(\/|$)/

/**
 * Says why better-auth deletes a session that has not expired.
 *
 * @param path the endpoint's path, or undefined if the application's own code deletes the session.
 */
export function chooseEndReason(path: string | undefined): EndReason {
  if (path === undefined) return 'revoked'
  if (logoutPaths.includes(path)) return 'logout'
  return signInPaths.test(path) ? 'displaced' : 'revoked'
}
