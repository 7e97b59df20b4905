import { type Logger, pino } from 'pino'
import sonicBoom from 'sonic-boom'
import { waitAtMost } from '../lifecycle/waitAtMost.ts'
import { createLogLineFormatter } from './formatLogLine.ts'
import type { LogFormat } from './logFormat.ts'

// Node finds no named exports in this CommonJS package.
const { SonicBoom } = sonicBoom

/** In bytes: about 4,000 lines. */
const maxBufferLength = 1024 * 1024
/** Lines are written together once they have this many bytes. */
const minWriteLength = 4096
/** Fewer bytes are written after this time. */
const maxDelayMs = 1_000
const flushTimeoutMs = 1_000

interface LogSettings {
  readonly logLevel: string
  /** By default, text on a terminal and JSON otherwise. */
  readonly logFormat?: LogFormat | undefined
}

/** Creates a logger that writes to standard output. */
export function createLog(settings: LogSettings, onDroppedLine: () => void): Logger {
  const { isTTY } = process.stdout
  const { logLevel, logFormat = isTTY ? 'text' : 'json' } = settings
  const output = openLogOutput(onDroppedLine, isTTY)
  if (logFormat === 'json') return pino({ level: logLevel }, output)
  const format = createLogLineFormatter({ colorize: isTTY && process.stdout.hasColors() })
  const destination = {
    write: (line: string) => void output.write(format(line)),
    // `log.flush()` calls it.
    flush: output.flush.bind(output),
  }
  return pino({ level: logLevel }, destination)
}

/**
 * Opens standard output for the log. Unless it is a terminal, lines are written in batches, at most a second late:
 * writing each line separately would take as long as writing a row.
 *
 * Logging never blocks. While the disk is full, or nobody reads the pipe, lines are buffered up to a limit, then
 * dropped. Pino's own destination does not fit, because its exit hook retries until a write succeeds.
 */
function openLogOutput(onDroppedLine: () => void, isTerminal: boolean) {
  const output = new SonicBoom({
    // Accessing `process.stdout` makes writes to a full pipe or socket fail instead of block. They are retried.
    fd: process.stdout.fd,
    sync: false,
    maxLength: maxBufferLength,
    // Somebody is watching a terminal.
    ...(!isTerminal && { minLength: minWriteLength, periodicFlush: maxDelayMs }),
  })
  output.on('drop', onDroppedLine)
  // A failed write is retried with the next line.
  output.on('error', () => {})
  return output
}

/** Writes the buffered lines, if that is possible within a second. */
export async function flushLog(log: Logger): Promise<void> {
  const flush = () => new Promise<void>((resolve) => log.flush(() => resolve()))
  // The first flush may only wait for a write that was already running.
  await waitAtMost(flushTimeoutMs, flush().then(flush))
}
