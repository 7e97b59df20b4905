import type { DBAdapter } from 'better-auth'
import { readSessionRow, type SessionRow } from './sessionRow.ts'

interface JobOptions {
  readonly everySeconds: number
  readonly adapter: Pick<DBAdapter, 'findMany'>
  onExpired(row: SessionRow): void
  onError(error: unknown): void
}

const rowsPerQuery = 500
/** After a restart, the job looks back this many intervals. The collector's sweep covers longer outages. */
const intervalsAtStart = 10

/**
 * Looks for rows whose time has run out since the last look, because better-auth keeps the row of a user who never
 * returns. Several replicas may do so: their reports are duplicates.
 *
 * @returns a function that stops the job.
 */
export function startExpiredSessionJob({
  everySeconds,
  adapter,
  onExpired,
  onError,
}: JobOptions): () => void {
  const intervalMs = everySeconds * 1000
  let since = Date.now() - intervalsAtStart * intervalMs
  let known = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function run() {
    const now = Date.now()
    const found = new Set<string>()
    for await (const row of listExpiredRows(adapter, since, now, onError)) {
      found.add(row.id)
      if (!known.has(row.id)) onExpired(row)
    }
    known = found
    // One interval more, because the clocks of replicas differ.
    since = now - intervalMs
  }

  function schedule() {
    timer = setTimeout(async () => {
      await run().catch(onError)
      if (!isStopped) schedule()
    }, intervalMs).unref()
  }

  schedule()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}

async function* listExpiredRows(
  adapter: JobOptions['adapter'],
  since: number,
  now: number,
  onError: JobOptions['onError'],
): AsyncGenerator<SessionRow> {
  const seen = new Set<string>()
  let from = since
  for (;;) {
    const page = await adapter.findMany<unknown>({
      model: 'session',
      where: [
        { field: 'expiresAt', operator: 'gte', value: new Date(from) },
        { field: 'expiresAt', operator: 'lt', value: new Date(now) },
      ],
      sortBy: { field: 'expiresAt', direction: 'asc' },
      limit: rowsPerQuery,
    })
    const rows = page.flatMap((row) => readRow(row, onError)).filter(({ id }) => !seen.has(id))
    for (const row of rows) {
      seen.add(row.id)
      yield row
    }
    const last = rows.at(-1)
    if (!last || page.length < rowsPerQuery) return
    from = last.expiresAt
  }
}

/** A row that is broken must not hide the others. */
function readRow(row: unknown, onError: JobOptions['onError']): readonly SessionRow[] {
  try {
    return [readSessionRow(row)]
  } catch (error) {
    onError(error)
    return []
  }
}
