import { hasErrorCode } from '../../domain/thrownError.ts'
import type { FeedPage } from '../../reading/feed.ts'
import type { Format } from '../../reading/formats/formats.ts'

interface PrintFeedOptions {
  readonly format: Pick<Format, 'head' | 'write'>
  /** Called when the rows of a page have been written to standard output. */
  readonly onWritten: (page: FeedPage) => Promise<void>
}

/**
 * Writes the pages of the feed to standard output, one after the other. Ends without an error if the reader has closed
 * the pipe.
 */
export async function printFeed(
  pages: AsyncIterable<FeedPage>,
  { format: { head, write }, onWritten }: PrintFeedOptions,
): Promise<void> {
  try {
    await writeText(head)
    for await (const page of pages) {
      if (page.rows.length > 0) await writeText(write(page.rows))
      await onWritten(page)
    }
  } catch (error) {
    if (!hasErrorCode(error, ['EPIPE'])) throw error
  }
}

/** Resolves when the operating system has the text. */
function writeText(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    if (text === '') resolve()
    else process.stdout.write(text, (error) => (error ? reject(error) : resolve()))
  })
}
