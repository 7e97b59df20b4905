import { Readable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { hasErrorCode } from '../../domain/thrownError.ts'

/**
 * Writes to standard output, no faster than the reader reads. Ends without an error if the reader has closed the pipe
 * (`… | head`) or the signal aborts.
 */
export async function writeOutput(
  chunks: AsyncIterable<string> | Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const source = Readable.from(chunks)
  try {
    await pipeline(source, process.stdout, { end: false, signal })
  } catch (error) {
    const isReaderGone = hasErrorCode(error, ['EPIPE'])
    if (!isReaderGone && !signal.aborted) throw error
  } finally {
    // The next chunk may be on its way, for which the caller must not close the database yet.
    await finished(source).catch(() => {})
  }
}
