/** An operation took longer than its deadline allows. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/**
 * Waits for `work`, but no longer than `deadlineMs` milliseconds. When the deadline passes, the signal is aborted and
 * `work` may still be running.
 *
 * @throws {DeadlineError}
 * @example
 * const row = await withinDeadline(5_000, () => readRow(id))
 */
export async function withinDeadline<T>(
  deadlineMs: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new DeadlineError(`The database has not answered within ${Math.round(deadlineMs)} ms.`))
      deadline.abort()
    }, deadlineMs)
  })
  try {
    return await Promise.race([work(deadline.signal), expired])
  } finally {
    clearTimeout(timer)
  }
}
