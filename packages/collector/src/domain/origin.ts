/**
 * Returns whether a site lists an origin, either exactly or by a wildcard. A `*` stands for one label, as in
 * `https://*.acme.com`. Origins are compared as browsers send them (RFC 6454, section 6.2).
 */
export function isAllowedOrigin(origins: readonly string[], origin: string): boolean {
  // No browser sends a `*`. Without this check, it would equal the configured wildcard.
  if (origin === opaqueOrigin || origin.includes('*')) return false
  return origins.includes(origin) || origins.some((allowed) => matchesWildcard(allowed, origin))
}

function matchesWildcard(allowed: string, origin: string): boolean {
  const [scheme, parent, ...others] = allowed.split('*')
  if (scheme === undefined || parent === undefined || others.length > 0) return false
  if (!origin.startsWith(scheme) || !origin.endsWith(parent)) return false
  return /^[a-z0-9-]{1,63}$/.test(origin.slice(scheme.length, -parent.length))
}

/** The `Origin` header of a page with an opaque origin. */
export const opaqueOrigin = 'null'

/** Explains why a page has an opaque origin, and what to do about it. */
export const opaqueOriginAdvice =
  'browsers send "Origin: null" from sandboxed frames, from file: and data: pages, and after redirects to another origin. ' +
  'It names no page, so it cannot be allowed. Serve the page over http or https, give the frame allow-same-origin, and send reports without a redirect'

const webSchemes = ['http:', 'https:']
/** No page has an origin with one of these schemes: the origin is opaque, or the scheme does not load pages. */
const unusableSchemes = [
  'file:',
  'data:',
  'blob:',
  'about:',
  'javascript:',
  'ws:',
  'wss:',
  'ftp:',
  'view-source:',
]

/**
 * Explains what is wrong with an origin in a configuration, and how to write it.
 *
 * @returns undefined if the origin is valid. Otherwise the text continues the name of the setting.
 */
export function describeOriginFault(text: string): string | undefined {
  if (text === opaqueOrigin) return `is not allowed: ${opaqueOriginAdvice}`
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:)\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined || rest === undefined) return describeMissingScheme(text)
  if (unusableSchemes.includes(scheme.toLowerCase()))
    return `cannot be the origin of a page, because its scheme is ${scheme}; use the origin of the page, such as https://app.acme.com`
  return webSchemes.includes(scheme.toLowerCase())
    ? describeWebFault(text, rest)
    : describeAppFault(text, scheme, rest)
}

function describeMissingScheme(text: string): string {
  if (text === '*') return 'would allow every page to report; list each origin, such as https://app.acme.com'
  // `localhost:3000` and `https:app.acme.com` parse as URLs, but with another meaning.
  const host = text.trim().replace(/^(https?:)?\/*/i, '')
  const isLocal = /^(localhost|127\.|\[::1\])/i.test(host)
  const intended = text.includes('*') ? undefined : URL.parse(`${isLocal ? 'http' : 'https'}://${host}`)
  return `must start with a scheme and ://; use ${intended?.hostname ? intended.origin : 'https://app.acme.com'}`
}

function describeWebFault(text: string, rest: string): string | undefined {
  const isWildcard = text.includes('*')
  if (isWildcard && !/^\*\.[^*]*$/.test(rest))
    return 'has a misplaced *; it must be the whole first label, as in https://*.acme.com'
  const origin = URL.parse(isWildcard ? text.replace('*', wildcardLabel) : text)?.origin
  if (origin === undefined) return 'is not an origin; use scheme://host or scheme://host:port'
  const canonical = isWildcard ? origin.replace(wildcardLabel, '*') : origin
  if (isWildcard && !hasTwoLabels(new URL(origin).hostname))
    return 'has a * with too few labels after it, which would allow unrelated pages to report; use https://*.acme.com'
  if (text === canonical) return undefined
  return `must be written as browsers send it: ${canonical} (lower case, ASCII, without path, user name, default port or trailing slash)`
}

/** Replaces the `*` while the origin is parsed. */
const wildcardLabel = 'any-label'

function hasTwoLabels(hostname: string): boolean {
  return hostname.split('.').slice(1).filter(Boolean).length >= 2
}

/** Checks an origin with an app scheme, such as `capacitor://localhost` or `chrome-extension://ID`. */
function describeAppFault(text: string, scheme: string, rest: string): string | undefined {
  if (text.includes('*')) return 'has a misplaced *; only http and https origins can have one'
  const [, host = ''] = /^(?:[^/?#]*@)?([^/?#]*)/.exec(rest) ?? []
  const canonical = `${scheme.toLowerCase()}//${host}`
  if (!/^[\w.~!$&'()+,;=[\]:-]+$/.test(host))
    return 'is not an origin; use scheme://host, such as capacitor://localhost'
  return text === canonical
    ? undefined
    : `must be written as browsers send it: ${canonical} (without path or trailing slash)`
}
