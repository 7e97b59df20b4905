import type { Command } from 'commander'
import type { z } from 'zod'
import { LapseError } from '../../domain/errors.ts'
import { parseQuery } from '../../reading/parseQuery.ts'

/** Checks options like the query parameters of the same names. If some are invalid, the command names each of them. */
export function parseOptions<Output>(
  schema: z.ZodType<Output>,
  options: Readonly<Record<string, string | undefined>>,
  command: Command,
): Output {
  try {
    return parseQuery(schema, options)
  } catch (error) {
    if (!(error instanceof LapseError)) throw error
    return exitWithUsageError(error, command)
  }
}

/** Ends a command whose options make an invalid query. The message names each of them. */
export function exitWithUsageError({ errors = [] }: LapseError, command: Command): never {
  const faults = errors.map((field) => `${'parameter' in field && `--${field.parameter}`}: ${field.detail}`)
  return command.error(`error: ${faults.join('\n       ')}`)
}
