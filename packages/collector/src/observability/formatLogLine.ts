import { prettyFactory } from 'pino-pretty'
import { escapeUnsafe } from '../domain/text/plainText.ts'

/**
 * Creates a function that converts a line of the JSON log to text for people. Values can come from strangers, so their
 * control characters are escaped: they could send commands to the terminal, or forge lines.
 */
export function createLogLineFormatter({
  colorize,
}: {
  readonly colorize: boolean
}): (line: string) => string {
  const format = prettyFactory({
    colorize,
    translateTime: "UTC:yyyy-mm-dd'T'HH:MM:ss'Z'",
    ignore: 'pid,hostname',
    singleLine: true,
  })
  return (line) => format(JSON.parse(line, escapeValue))
}

function escapeValue(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value
  // The lines of a stack are indented, so they cannot be mistaken for lines of the log.
  return key === 'stack' ? value.split('\n').map(escapeUnsafe).join('\n') : escapeUnsafe(value)
}
