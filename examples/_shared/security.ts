import type { IncomingMessage } from 'node:http'

/** What pages may use besides their style sheet and images: source lists of a Content Security Policy. */
export interface Sources {
  readonly scripts?: string
  readonly connections?: string
  /** Where forms may lead. By default, this origin only. */
  readonly forms?: string
}

/**
 * Returns the security headers of every response. If pages load the script from the collector, allow the collector's
 * origin for `scripts` and for `connections`.
 */
export function createSecurityHeaders({
  scripts = "'none'",
  connections = "'none'",
  forms = "'self'",
}: Sources): Record<string, string> {
  const policy = [
    "default-src 'none'",
    `script-src ${scripts}`,
    `connect-src ${connections}`,
    "style-src 'self'",
    "img-src 'self' data:",
    `form-action ${forms}`,
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ]
  return {
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  }
}

/**
 * Whether a page of another site sent this request. Browsers send at least one of the two headers with every request
 * that changes something. A client without both is not a browser, so it sends no user's cookies.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': fetchSite, origin, host } = headers
  if (fetchSite) return fetchSite !== 'same-origin'
  return origin !== undefined && URL.parse(origin)?.host !== host
}
