import { redactSecrets } from '../domain/text/redactSecrets.ts'
import { shorten } from '../domain/text/shorten.ts'
import { describeDatabaseError, removeQuoted } from './describeDatabaseError.ts'

interface LoggedError {
  readonly type: string
  readonly message: string
  readonly code?: string | undefined
  readonly errno?: number | undefined
  readonly sqlState?: string | undefined
  readonly stack?: string | undefined
  readonly cause?: LoggedError | undefined
  /** The errors of several attempts, such as one for each address of a host. */
  readonly errors?: readonly LoggedError[] | undefined
}

const maxNameLength = 100
const maxMessageLength = 500
const maxFrames = 20
const maxDepth = 5
const maxErrors = 5

/**
 * Serializes an error for the log: its type, message and stack, without any data that was sent or stored. Errors of
 * databases and HTTP clients contain statements with values, headers and bodies, in their properties and messages.
 */
export function serializeError(error: unknown, depth = 1): LoggedError | undefined {
  if (error === undefined) return undefined
  if (!(error instanceof Error)) return { type: typeof error, message: 'the thrown value is not an error' }
  const { name, cause } = error
  const fields: Readonly<Record<string, unknown>> = { ...error }
  const nested = depth < maxDepth && cause !== undefined ? serializeError(cause, depth + 1) : undefined
  return {
    type: shorten(name, maxNameLength),
    message: shorten(redactSecrets(describeMessage(error)), maxMessageLength),
    code: readWord(fields.code),
    errno: typeof fields.errno === 'number' ? fields.errno : undefined,
    sqlState: readWord(fields.sqlState),
    stack: readFrames(error),
    cause: nested,
    errors: depth < maxDepth ? serializeErrors(error, depth) : undefined,
  }
}

function serializeErrors(error: Error, depth: number): readonly LoggedError[] | undefined {
  if (!(error instanceof AggregateError)) return undefined
  return error.errors.slice(0, maxErrors).flatMap((each) => serializeError(each, depth + 1) ?? [])
}

function describeMessage(error: Error): string {
  if (!(error instanceof SyntaxError)) return describeDatabaseError(error)
  // The message of `JSON.parse` quotes the text around the fault, and mentions JSON only after it.
  const message = removeQuoted(error.message)
  return error.message.includes('JSON') ? `Invalid JSON: ${message}` : message
}

function readWord(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\w.-]{1,64}$/.test(value) ? value : undefined
}

/** Returns the calls of the stack, without the message that it begins with. */
function readFrames({ message, stack = '' }: Error): string | undefined {
  const calls = stack.replace(message, '')
  const frames = calls.split('\n').filter((line) => /^ {4}at \S.*:\d+:\d+\)?$/.test(line))
  return frames.length === 0 ? undefined : frames.slice(0, maxFrames).join('\n')
}
