import { type FieldError, LapseError } from '../domain/errors.ts'

/** The most reports that a server may send at once. */
export const maxBatchReports = 500

/** Which reports of a batch were stored, and what is wrong with the others. */
export interface BatchResult {
  readonly accepted: number
  readonly rejected: readonly { readonly index: number; readonly errors: readonly FieldError[] }[]
}

/**
 * Stores the valid reports of a batch, in their order.
 *
 * @param prepare parses and verifies one report.
 * @param store stores what a report changes.
 * @throws {LapseError} if none of them can be stored now, or if the sender may not report at all. Whoever sends the
 * whole batch again stores nothing twice.
 */
export async function recordBatch<Work>(
  reports: readonly unknown[],
  prepare: (report: unknown) => Promise<Work>,
  store: (work: Work) => Promise<void>,
): Promise<BatchResult> {
  if (reports.length > maxBatchReports) throw createTooManyReportsError(reports.length)
  const prepared = await Promise.allSettled(reports.map(async (report) => prepare(report)))
  const results = await Promise.allSettled(
    prepared.map((each) => (each.status === 'fulfilled' ? store(each.value) : Promise.reject(each.reason))),
  )
  const rejected = results.flatMap((result, index) =>
    result.status === 'rejected' ? [{ index, errors: describeRejection(result.reason) }] : [],
  )
  return { accepted: reports.length - rejected.length, rejected }
}

/** The field that an error is about, for errors that name none. */
const fields: Readonly<Partial<Record<LapseError['code'], string>>> = {
  'invalid-event': '#',
  'unknown-site': '#/site',
  forbidden: '#/site',
  'origin-refused': '#/site',
  'ticket-refused': '#/ticket',
}

function describeRejection(error: unknown): readonly FieldError[] {
  const pointer = error instanceof LapseError ? fields[error.code] : undefined
  if (!(error instanceof LapseError) || pointer === undefined) throw error
  return error.errors ?? [{ pointer, detail: error.message }]
}

function createTooManyReportsError(count: number): LapseError {
  return new LapseError('invalid-event', `Send at most ${maxBatchReports} reports at once, not ${count}.`, {
    errors: [{ pointer: '#', detail: `must have at most ${maxBatchReports} entries` }],
  })
}
