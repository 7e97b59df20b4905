/**
 * Whether a page's origin is one of those that a site names: exactly, or by a `*` that stands for one label, as in
 * `https://*.acme.com`. Origins are compared as browsers send them (RFC 6454, section 6.2).
 */
export function isAllowedOrigin(origins: readonly string[], origin: string): boolean {
  // No browser sends a *, which would be equal to that of a configured one.
  if (origin === opaqueOrigin || origin.includes('*')) return false
  return origins.includes(origin) || origins.some((allowed) => matchesWildcard(allowed, origin))
}

function matchesWildcard(allowed: string, origin: string): boolean {
  const [scheme, parent, ...others] = allowed.split('*')
  if (scheme === undefined || parent === undefined || others.length > 0) return false
  if (!origin.startsWith(scheme) || !origin.endsWith(parent)) return false
  return /^[a-z0-9-]{1,63}$/.test(origin.slice(scheme.length, -parent.length))
}

/** What browsers send where a page has no origin of its own. */
export const opaqueOrigin = 'null'

/** Why pages have no origin, and what to do about it. */
export const opaqueOriginAdvice =
  'browsers send "Origin: null" from sandboxed frames, from file: and data: pages, and after redirects to another origin. ' +
  'It names no page, so it cannot be allowed. Serve the page over http or https, give the frame allow-same-origin, and send reports without a redirect'

const webSchemes = ['http:', 'https:']
/** Pages have none of these for their origin: it is opaque, or no page can be loaded by the scheme. */
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

/** What is wrong with an origin in a configuration, and how to write it; nothing if it is right. */
export function describeOriginFault(text: string): string | undefined {
  if (text === opaqueOrigin) return `is not allowed: ${opaqueOriginAdvice}`
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*:)\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined || rest === undefined) return describeMissingScheme(text)
  if (unusableSchemes.includes(scheme.toLowerCase()))
    return `cannot be the origin of a page (${scheme}); write that of the page, such as https://app.acme.com`
  return webSchemes.includes(scheme.toLowerCase())
    ? describeWebFault(text, rest)
    : describeAppFault(text, scheme, rest)
}

function describeMissingScheme(text: string): string {
  if (text === '*') return 'would let every page report; write each origin, such as https://app.acme.com'
  // `localhost:3000` and `https:app.acme.com` are URLs as well, but not these.
  const host = text.trim().replace(/^(https?:)?\/*/i, '')
  const isLocal = /^(localhost|127\.|\[::1\])/i.test(host)
  const meant = text.includes('*') ? undefined : URL.parse(`${isLocal ? 'http' : 'https'}://${host}`)
  return `must begin with a scheme and ://; write ${meant?.hostname ? meant.origin : 'https://app.acme.com'}`
}

function describeWebFault(text: string, rest: string): string | undefined {
  const isWildcard = text.includes('*')
  if (isWildcard && !/^\*\.[^*]*$/.test(rest))
    return 'has a * in the wrong place: it stands for the whole first label, as in https://*.acme.com'
  const origin = URL.parse(isWildcard ? text.replace('*', wildcardLabel) : text)?.origin
  if (origin === undefined) return 'is not an origin; write scheme://host or scheme://host:port'
  const right = isWildcard ? origin.replace(wildcardLabel, '*') : origin
  if (isWildcard && !hasTwoLabels(new URL(origin).hostname))
    return 'has a * with too few labels behind it: it would let strangers report; write https://*.acme.com'
  if (text === right) return undefined
  return `must be written as browsers send it: ${right} (in lower case and ASCII, without path, user name, default port or final slash)`
}

/** Stands for the `*` while the rest is parsed. */
const wildcardLabel = 'any-label'

function hasTwoLabels(hostname: string): boolean {
  return hostname.split('.').slice(1).filter(Boolean).length >= 2
}

/** An application's own scheme, such as `capacitor://localhost` or `chrome-extension://ID`. */
function describeAppFault(text: string, scheme: string, rest: string): string | undefined {
  if (text.includes('*')) return 'has a * in the wrong place: only http and https origins may have one'
  const [, host = ''] = /^(?:[^/?#]*@)?([^/?#]*)/.exec(rest) ?? []
  const right = `${scheme.toLowerCase()}//${host}`
  if (!/^[\w.~!$&'()+,;=[\]:-]+$/.test(host))
    return 'is not an origin; write scheme://host, such as capacitor://localhost'
  return text === right
    ? undefined
    : `must be written as browsers send it: ${right} (without path or final slash)`
}
