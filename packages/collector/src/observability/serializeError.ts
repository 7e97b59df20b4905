import { redactSecrets } from '../domain/text/redactSecrets.ts'
import { shorten } from '../domain/text/shorten.ts'
import { databaseMessage, withoutQuoted } from './databaseMessage.ts'

interface LoggedError {
  readonly type: string
  readonly message: string
  readonly code?: string | undefined
  readonly errno?: number | undefined
  readonly sqlState?: string | undefined
  readonly stack?: string | undefined
  readonly cause?: LoggedError | undefined
  /** Of several that were tried, such as the addresses of a host. */
  readonly errors?: readonly LoggedError[] | undefined
}

const maxMessageLength = 500
const maxFrames = 20
const maxDepth = 5
const maxErrors = 5

/**
 * Writes an error into the log: what it is and where it arose, and nothing of what was sent or stored. Errors of
 * databases and of HTTP clients carry statements with their values, headers and bodies, in properties and in texts.
 */
export function serializeError(error: unknown, depth = 1): LoggedError | undefined {
  if (error === undefined) return undefined
  if (!(error instanceof Error)) return { type: typeof error, message: 'what was thrown is no error' }
  const { name, cause } = error
  const fields: Readonly<Record<string, unknown>> = { ...error }
  const nested = depth < maxDepth && cause !== undefined ? serializeError(cause, depth + 1) : undefined
  return {
    type: shorten(name, 100),
    message: shorten(redactSecrets(messageOf(error)), maxMessageLength),
    code: wordOf(fields.code),
    errno: typeof fields.errno === 'number' ? fields.errno : undefined,
    sqlState: wordOf(fields.sqlState),
    stack: framesOf(error),
    cause: nested,
    errors: depth < maxDepth ? errorsOf(error, depth) : undefined,
  }
}

function errorsOf(error: Error, depth: number): readonly LoggedError[] | undefined {
  if (!(error instanceof AggregateError)) return undefined
  return error.errors.slice(0, maxErrors).flatMap((each) => serializeError(each, depth + 1) ?? [])
}

function messageOf(error: Error): string {
  if (!(error instanceof SyntaxError)) return databaseMessage(error)
  // `JSON.parse` quotes the text around the fault, and says that it is JSON behind that.
  const message = withoutQuoted(error.message)
  return error.message.includes('JSON') ? `Invalid JSON: ${message}` : message
}

function wordOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,64}$/.test(value) ? value : undefined
}

/** The lines of the stack that are calls: before them it repeats the message. */
function framesOf({ message, stack = '' }: Error): string | undefined {
  const calls = stack.replace(message, '')
  const frames = calls.split('\n').filter((line) => /^ {4}at \S.*:\d+:\d+\)?$/.test(line))
  return frames.length === 0 ? undefined : frames.slice(0, maxFrames).join('\n')
}
