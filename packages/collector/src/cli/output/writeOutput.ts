import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/**
 * Writes what comes to the standard output, no faster than it is taken. It is at its end too when the reader has gone
 * (`… | head`) or the signal says so.
 */
export async function print(pieces: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
  try {
    await pipeline(Readable.from(pieces), process.stdout, { end: false, signal })
  } catch (error) {
    const isReaderGone = error instanceof Error && 'code' in error && error.code === 'EPIPE'
    if (!isReaderGone && !signal.aborted) throw error
  }
}
