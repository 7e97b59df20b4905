import type { Middleware } from 'koa'

/** A page may load scripts from, and talk to, this application and the collector: Lapse needs no more. */
export function securityHeaders(collector: string): Middleware {
  const policy = [
    "default-src 'none'",
    `script-src 'self' ${collector}`,
    `connect-src 'self' ${collector}`,
    "style-src 'self'",
    "img-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return (ctx, next) => {
    ctx.set('Content-Security-Policy', policy)
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('Referrer-Policy', 'same-origin')
    return next()
  }
}

/**
 * Refuses a form that another site's page has posted. A browser always sends one of the two headers;
 * a client that sends neither is no browser, and no one's cookies ride along with it.
 */
export const sameOriginPosts: Middleware = (ctx, next) => {
  if (ctx.method === 'POST' && !isSameOrigin(ctx.get('Sec-Fetch-Site'), ctx.get('Origin'), ctx.host)) {
    ctx.throw(403, 'This form was sent from another site.')
  }
  return next()
}

function isSameOrigin(fetchSite: string, origin: string, host: string): boolean {
  if (fetchSite) return fetchSite === 'same-origin'
  return origin === '' || URL.parse(origin)?.host === host
}
