import type { Context } from '../context.ts'

/** Sets the header that links to the next page of a list (RFC 8288). */
export function linkToNextPage(ctx: Context, cursor: string): void {
  const parameters = new URLSearchParams(ctx.querystring)
  parameters.set('cursor', cursor)
  ctx.set('Link', `<?${parameters}>; rel="next"`)
}
