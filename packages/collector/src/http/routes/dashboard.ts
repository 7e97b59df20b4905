import { LapseError } from '../../domain/errors.ts'
import type { Context } from '../context.ts'
import { type DashboardFile, loadDashboardAssets, loadDashboardPage } from '../files/loadDashboardFiles.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import type { Route } from '../route.ts'

/** The page loads files from this collector only and sends data to it only. No page can frame it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

const pageOperation: Operation = {
  operationId: 'getDashboard',
  tags: ['operations'],
  summary: 'Open the dashboard',
  description:
    'Returns the page of the dashboard. Anyone can load the page, but it shows rows only after a sign-in with a token that has the scope `read`.',
  security: [],
  responses: {
    200: { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } },
    ...describeProblemResponses(),
  },
}

/** `GET /`: the page of the dashboard. */
export const dashboardPage: Route = {
  method: 'get',
  path: '/',
  operation: pageOperation,
  cacheControl: 'no-cache',
  handler() {
    const page = loadDashboardPage()
    return (ctx) => {
      if (!page)
        throw new LapseError(
          'not-found',
          'The dashboard has not been built. In a checkout, run "pnpm build".',
        )
      ctx.set('Content-Security-Policy', contentSecurityPolicy)
      sendFile(ctx, page)
    }
  },
}

/** `GET /dashboard/:file`: a script or style of the page. Its name has a hash of its content, so it is immutable. */
export const dashboardAsset: Route = {
  method: 'get',
  path: '/dashboard/:file',
  handler() {
    const assets = loadDashboardAssets()
    return (ctx) => {
      const file = assets.get(ctx.params.file)
      if (!file) throw new LapseError('not-found', 'The dashboard has no such file. Reload its page, GET /.')
      ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
      sendFile(ctx, file)
    }
  },
}

function sendFile(ctx: Context, { type, body, zipped }: DashboardFile): void {
  ctx.vary('Accept-Encoding')
  ctx.type = type
  if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    ctx.set('Content-Encoding', 'gzip')
    ctx.body = zipped
  } else {
    ctx.body = body
  }
}
