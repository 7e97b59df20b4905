import type { z } from 'zod'
import { LapseError } from '../domain/errors.ts'
import { escapeUnsafe } from '../domain/text/plainText.ts'
import { validate } from '../domain/validation/validate.ts'

/**
 * Checks the parameters of a URL's query.
 *
 * @throws {LapseError} `invalid-query`, naming every wrong parameter, and those that are not known.
 */
export function parseQuery<Output>(
  schema: z.ZodType<Output>,
  query: Readonly<Record<string, string | readonly string[] | undefined>>,
): Output {
  const result = validate(schema, query)
  if (result.success) return result.data
  const errors = result.faults.map(({ path, detail }) => {
    const parameter = String(path[0])
    const isRepeated = Object.hasOwn(query, parameter) && Array.isArray(query[parameter])
    // An unknown one has whatever name its sender gave it.
    return { parameter: escapeUnsafe(parameter), detail: isRepeated ? 'give it once' : detail }
  })
  const names = new Set(errors.map(({ parameter }) => parameter))
  throw new LapseError('invalid-query', `Correct these parameters: ${[...names].join(', ')}.`, { errors })
}
