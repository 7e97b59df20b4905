import type { Middleware } from 'koa'

/** The client is part of the application's own script; only its events go to the collector. */
export function securityHeaders(collector: string): Middleware {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `connect-src 'self' ${collector}`,
    "style-src 'self'",
    'img-src data:',
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

/** Refuses what a page of another site would change here. What sends neither header is no browser. */
export const sameOriginChanges: Middleware = (ctx, next) => {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  const isSameOrigin = site ? site === 'same-origin' : !origin || URL.parse(origin)?.host === ctx.host
  if (ctx.method !== 'GET' && !isSameOrigin) ctx.throw(403, 'This request was sent from another site.')
  return next()
}
