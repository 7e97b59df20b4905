import { toPastLimit } from '../../reading/pastLimit.ts'
import { parseSummaryQuery } from '../../reading/summaryQuery.ts'
import { Tally } from '../../reading/tally.ts'
import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { reading } from '../reading.ts'
import { authenticateReader, confined } from '../request/authenticate.ts'

/** `GET /v1/summary`: how many sessions ended and why, by hours or days, and how late people came back. */
export function getSummary(parts: CollectorParts): Middleware {
  return async (ctx) => {
    const { token } = await authenticateReader(ctx, parts)
    const { bucket, timeZone, filter, starts } = parseSummaryQuery(ctx.query, Date.now())
    const tally = new Tally(starts)
    await reading(parts.store.summaries.summarize(confined(token, filter), tally))
    ctx.set('Cache-Control', 'no-store')
    ctx.body = {
      bucket,
      timeZone,
      from: filter.from,
      to: filter.to,
      buckets: tally.buckets.map(({ start, counts }) => ({ start: new Date(start), counts })),
      pastLimit: toPastLimit(tally.pastLimit),
    }
  }
}
