import type { z } from 'zod'
import { LapseError } from '../domain/errors.ts'
import { escapeUnsafe } from '../domain/text/plainText.ts'
import { validate } from '../domain/validation/validate.ts'

/**
 * Checks the query parameters of a URL.
 *
 * @throws {LapseError} `invalid-query`, with an entry in `errors` for each invalid or unknown parameter.
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
    // The name of an unknown parameter can contain control characters.
    return { parameter: escapeUnsafe(parameter), detail: isRepeated ? 'must not be repeated' : detail }
  })
  const names = new Set(errors.map(({ parameter }) => parameter))
  throw new LapseError('invalid-query', `Correct these parameters: ${[...names].join(', ')}.`, { errors })
}
