import type { Context } from '../context.ts'

/**
 * Whether a page of this very collector sent the request, rather than another site's. The browser says so itself
 * (Fetch Metadata) where it trusts the connection; elsewhere the host of the `Origin` must be the one asked for.
 */
export function isSameOrigin(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  return site === '' ? URL.parse(ctx.get('Origin'))?.host === ctx.host : site === 'same-origin'
}
