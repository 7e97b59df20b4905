import type { RequestHandler } from 'express'

/** A page may load scripts from, and talk to, this application and the collector: Lapse needs no more. */
export function securityHeaders(collector: string): RequestHandler {
  const policy = [
    "default-src 'none'",
    `script-src ${collector}`,
    `connect-src ${collector}`,
    "style-src 'self'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return (_request, response, next) => {
    response.set('Content-Security-Policy', policy)
    response.set('X-Content-Type-Options', 'nosniff')
    response.set('Referrer-Policy', 'same-origin')
    response.set('Cache-Control', 'no-store')
    next()
  }
}

/** Refuses a form that another site's page has posted. What sends neither header is no browser. */
export const sameOriginPosts: RequestHandler = (request, response, next) => {
  const site = request.get('Sec-Fetch-Site')
  const origin = request.get('Origin')
  const isSameOrigin = site ? site === 'same-origin' : !origin || URL.parse(origin)?.host === request.host
  if (request.method === 'POST' && !isSameOrigin)
    response.status(403).send('This form was sent from another site.')
  else next()
}
