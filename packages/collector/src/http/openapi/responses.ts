import { type ErrorCode, errorCodes, type FieldError } from '../../domain/errors.ts'
import { schemaRef } from './schemas.ts'

/**
 * What an error looks like. Under the same name, the request has the example that leads to it.
 */
interface ProblemExample {
  readonly detail: string
  readonly errors?: readonly FieldError[]
}

/** The errors of one operation by their codes, each with its examples by their names. */
type Problems = Partial<Record<ErrorCode, Readonly<Record<string, ProblemExample>>>>

/** What any request may be answered. */
const everywhere: Problems = {
  'bad-request': {},
  'request-timeout': {},
  'headers-too-large': {},
  internal: {},
}

/** The responses of an operation that report errors, by status, as the table of codes has them. */
export function problemResponses(problems: Problems = {}): Record<string, object> {
  const byStatus = Map.groupBy(
    // Its keys are those of its type.
    Object.entries({ ...everywhere, ...problems }) as [ErrorCode, NonNullable<Problems[ErrorCode]>][],
    ([code]) => errorCodes[code].status,
  )
  return Object.fromEntries([...byStatus].map(([status, entries]) => [status, response(status, entries)]))
}

function response(
  status: number,
  entries: readonly (readonly [ErrorCode, Readonly<Record<string, ProblemExample>>])[],
): object {
  const types = entries.map(([code]) => `urn:lapse:problem:${code}`)
  const examples = entries.flatMap(([code, named]) =>
    Object.entries(named).map(([name, example]) => {
      const { title } = errorCodes[code]
      return [name, { value: { type: `urn:lapse:problem:${code}`, title, status, ...example } }] as const
    }),
  )
  return {
    description: `${entries.map(([code]) => errorCodes[code].title).join(', or: ')}.`,
    ...headersOf(status),
    content: {
      'application/problem+json': {
        schema: { allOf: [schemaRef('Problem'), { properties: { type: { enum: types } } }] },
        ...(examples.length > 0 && { examples: Object.fromEntries(examples) }),
      },
    },
  }
}

function headersOf(status: number): object {
  if (status === 401)
    return { headers: { 'WWW-Authenticate': { schema: { const: 'Bearer' }, description: 'For a token.' } } }
  if (status !== 429 && status !== 503) return {}
  const description = 'Seconds after which trying again makes sense.'
  return { headers: { 'Retry-After': { schema: { type: 'integer' }, description } } }
}
