import { readFile } from 'node:fs/promises'
import type { Context, Middleware } from 'koa'
import getRawBody from 'raw-body'
import { createSecurityHeaders, isCrossSite, type Sources } from './security.ts'

/** Sets the security headers, and refuses changes that a page of another site requests. */
export function createSecurityMiddleware(sources: Sources): Middleware {
  const headers = createSecurityHeaders(sources)
  return (ctx, next) => {
    ctx.set(headers)
    if (ctx.method !== 'GET' && isCrossSite(ctx.req)) ctx.throw(403, 'This request came from another site.')
    return next()
  }
}

/** Serves the common style sheet as `/style.css`. */
export const serveStyle: Middleware = async (ctx, next) => {
  if (ctx.path !== '/style.css') return next()
  ctx.type = 'css'
  ctx.body = await readFile(new URL('style.css', import.meta.url))
}

/** @throws a 413 error if the form is larger than 4 KB. */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  const length = ctx.request.length ?? null
  return new URLSearchParams(await getRawBody(ctx.req, { encoding: 'utf-8', limit: '4kb', length }))
}

/** Redirects with status 303, so that the browser gets the next page with GET after a form was posted. */
export function redirect(ctx: Context, path: string): void {
  ctx.redirect(path)
  ctx.status = 303
}
