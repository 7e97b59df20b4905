import { LapseError } from '../domain/errors.ts'

/**
 * Waits for what is read from the store.
 *
 * @throws {LapseError} `unavailable` when that fails. Why, is for the log.
 */
export async function reading<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw new LapseError('unavailable', 'The audit could not be read. Try again later.', {
      cause,
      retryAfterSeconds: 5,
    })
  }
}
