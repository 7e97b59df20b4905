import type { z } from 'zod'
import { type FieldError, LapseError } from './error.ts'

/**
 * Checks the parameters of a URL's query.
 *
 * @throws {LapseError} `invalid-query`, naming every wrong parameter, and those that are not known.
 */
export function parseQuery<Output>(
  schema: z.ZodType<Output>,
  query: Readonly<Record<string, string | readonly string[] | undefined>>,
): Output {
  const result = schema.safeParse(query)
  if (result.success) return result.data
  const errors = result.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((parameter) => ({ parameter, detail: 'is not known here' }))
    const parameter = String(issue.path[0])
    return [{ parameter, detail: Array.isArray(query[parameter]) ? 'give it once' : issue.message }]
  }) satisfies FieldError[]
  const names = new Set(errors.map(({ parameter }) => parameter))
  throw new LapseError('invalid-query', `Correct these parameters: ${[...names].join(', ')}.`, { errors })
}
