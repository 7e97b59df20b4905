import { type ErrorCode, errorCodes, LapseError, toProblem } from '../../domain/errors.ts'
import { referToSchema } from './schemas.ts'

/** The headers of a page of a list. */
export const linkHeader = {
  Link: { schema: { type: 'string' }, description: 'The URL of the next page (RFC 8288).' },
} as const

/** The headers that describe an export. */
export const exportHeaders = {
  'Lapse-Export': {
    schema: { type: 'string' },
    description:
      'What the rows are, for all formats but JSON: `site`, `from`, `to`, `filters` (percent-encoded), `generated-at`, `token` and, if they were counted, `rows`.',
  },
  'Content-Disposition': {
    schema: { type: 'string' },
    description: 'The name of the file, with `download=true`.',
  },
} as const

/** The errors that any request may get. */
const commonCodes: readonly ErrorCode[] = ['bad-request', 'request-timeout', 'headers-too-large', 'internal']

/**
 * Describes the error responses of an operation, by status.
 *
 * @param codes the errors that the operation may answer with, apart from the common ones.
 * @param examples errors by name. The operation has an example request of the same name that leads to each.
 */
export function describeProblemResponses(
  codes: readonly ErrorCode[] = [],
  examples: Readonly<Record<string, LapseError>> = {},
): Record<string, object> {
  const byStatus = Map.groupBy([...commonCodes, ...codes], (code) => errorCodes[code].status)
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, describeResponse(status, codes, examples)]),
  )
}

/** Returns the error that a check throws, so that an example has the same message. */
export function catchProblem(check: () => unknown): LapseError {
  try {
    check()
  } catch (error) {
    if (error instanceof LapseError) return error
    throw error
  }
  throw new Error('The check of an example found no error.')
}

function describeResponse(
  status: number,
  codes: readonly ErrorCode[],
  examples: Readonly<Record<string, LapseError>>,
): object {
  const types = codes.map((code) => `urn:lapse:problem:${code}`)
  const values = Object.entries(examples)
    .filter(([, { code }]) => codes.includes(code))
    .map(([name, error]) => [name, { value: toProblem(error) }] as const)
  return {
    description: `${codes.map((code) => errorCodes[code].title).join(', or: ')}.`,
    ...describeHeaders(status),
    content: {
      'application/problem+json': {
        schema: { allOf: [referToSchema('Problem'), { properties: { type: { enum: types } } }] },
        ...(values.length > 0 && { examples: Object.fromEntries(values) }),
      },
    },
  }
}

function describeHeaders(status: number): object {
  if (status === 401)
    return { headers: { 'WWW-Authenticate': { schema: { const: 'Bearer' }, description: 'For tokens.' } } }
  if (status !== 429 && status !== 503) return {}
  const description = 'After how many seconds to try again.'
  return { headers: { 'Retry-After': { schema: { type: 'integer' }, description } } }
}
