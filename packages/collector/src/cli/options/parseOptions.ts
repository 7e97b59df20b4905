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
  return reportInvalidQuery(() => parseQuery(schema, options), command)
}

/** Runs a check of query parameters. If some are invalid, the command ends and names the options of the same names. */
export function reportInvalidQuery<Result>(check: () => Result, command: Command): Result {
  try {
    return check()
  } catch (error) {
    if (!(error instanceof LapseError)) throw error
    return exitWithUsageError(error, command)
  }
}

/** Ends a command whose options make an invalid query. The message names each of them. */
export function exitWithUsageError({ errors = [] }: LapseError, command: Command): never {
  const faults = errors.map(
    (field) => `${'parameter' in field && formatOption(field.parameter)}: ${field.detail}`,
  )
  return command.error(`error: ${faults.join('\n       ')}`)
}

/** Returns the option of a parameter: `--time-zone` for `timeZone`. */
function formatOption(parameter: string): string {
  return `--${parameter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}
