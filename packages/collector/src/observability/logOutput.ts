import type { Logger } from 'pino'
import sonicBoom from 'sonic-boom'
import { waitAtMost } from '../lifecycle/waitAtMost.ts'

// The package names no exports that Node could find.
const { SonicBoom } = sonicBoom

/** What waits to be written, in bytes: some 4,000 lines. */
const maxLength = 1024 * 1024
const flushMs = 1_000

/**
 * Opens standard output for the log. Lines are written together, a second late at most: a write for each would cost as
 * much as the row.
 *
 * Nothing waits for it. While the disk is full, or nobody reads the pipe, lines are kept up to a limit, then dropped.
 * That is why this is not pino's own destination, which writes in an exit hook until it succeeds.
 */
export function openLogOutput(onDroppedLine: () => void) {
  const output = new SonicBoom({
    // Asking for it makes writes to a pipe or socket fail, instead of block, while it is full. They are tried again.
    fd: process.stdout.fd,
    sync: false,
    minLength: 4096,
    maxLength,
    periodicFlush: 1000,
  })
  output.on('drop', onDroppedLine)
  // The next line tries to write what has failed again.
  output.on('error', () => {})
  return output
}

/** Writes what waits to be logged, if that can be done within a second. */
export async function flushLog(log: Logger): Promise<void> {
  const flush = () => new Promise<void>((resolve) => log.flush(() => resolve()))
  // One flush may only wait for a write that had begun.
  await waitAtMost(flushMs, flush().then(flush))
}
