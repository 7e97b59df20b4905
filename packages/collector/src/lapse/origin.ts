/**
 * Whether a page's origin is one of those that a site names: exactly, or by a `*` that stands for one label, as in
 * `https://*.acme.com`. Origins are compared as browsers send them (RFC 6454, section 6.2).
 */
export function isAllowedOrigin(origins: readonly string[], origin: string): boolean {
  return origins.includes(origin) || origins.some((allowed) => matchesWildcard(allowed, origin))
}

function matchesWildcard(allowed: string, origin: string): boolean {
  const [scheme, parent, ...others] = allowed.split('*')
  if (scheme === undefined || parent === undefined || others.length > 0) return false
  if (!origin.startsWith(scheme) || !origin.endsWith(parent)) return false
  return /^[a-z0-9-]{1,63}$/.test(origin.slice(scheme.length, -parent.length))
}
