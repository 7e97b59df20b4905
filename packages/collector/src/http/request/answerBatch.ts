import type { BatchResult } from '../../recording/recordBatch.ts'
import type { Context } from '../context.ts'

/** Answers a request with several reports. */
export function answerBatch(ctx: Context, result: BatchResult): void {
  Object.assign(ctx.state.logFields, { accepted: result.accepted, rejected: result.rejected.length })
  ctx.status = 200
  ctx.body = result
}
