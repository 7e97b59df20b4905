import { authenticateReader } from '../request/authenticate.ts'
import type { Route } from '../route.ts'

/**
 * `GET /dashboard/live-sessions`: the number of live sessions by site. The sweep counts them for the metrics, because
 * counting a million takes the database a quarter of a second. So the counts may be a minute old, and there are none
 * until the first sweep.
 */
export const countLiveSessions: Route = {
  method: 'get',
  path: '/dashboard/live-sessions',
  cacheControl: 'no-store',
  handler(dependencies) {
    return async (ctx) => {
      const { token } = await authenticateReader(ctx, dependencies)
      const counts = [...dependencies.metrics.getLiveSessions()]
      ctx.body = {
        counts: Object.fromEntries(counts.filter(([site]) => token.site === null || site === token.site)),
      }
    }
  },
}
