import type { Context } from '../context.ts'

/** Sets the header that links to the next page of a list (RFC 8288). `parameter` says where that page starts. */
export function linkToNextPage(ctx: Context, parameter: 'cursor' | 'after', value: string): void {
  const parameters = new URLSearchParams(ctx.querystring)
  parameters.set(parameter, value)
  ctx.set('Link', `<?${parameters}>; rel="next"`)
}
