import type { IncomingMessage } from 'node:http'

/** What pages may use beyond their own style sheet, as source lists of a Content Security Policy. */
export interface Sources {
  readonly scripts?: string
  readonly connections?: string
  /** Where forms may lead. By default, this origin only. */
  readonly forms?: string
}

/**
 * Security headers for every response. To a page with the script tag, the collector's origin must be allowed for
 * `scripts` and for `connections`.
 */
export function securityHeaders({
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
 * that changes something. A client without both is not a browser, and carries nobody's cookies.
 */
export function isCrossSite({ headers }: IncomingMessage): boolean {
  const { 'sec-fetch-site': fetchSite, origin, host } = headers
  if (fetchSite) return fetchSite !== 'same-origin'
  return origin !== undefined && URL.parse(origin)?.host !== host
}
