import { shorten } from './text/shorten.ts'

/**
 * Every error that Lapse itself raises: its HTTP status and the title of its problem type.
 * The code is stable; the problem's `type` is `urn:lapse:problem:CODE` (RFC 9457, section 3.1.1).
 */
export const errorCodes = {
  'not-json': { status: 400, title: 'The body is not JSON' },
  'bad-request': { status: 400, title: 'The request cannot be understood' },
  'token-refused': { status: 401, title: 'The token was refused' },
  'ticket-refused': { status: 401, title: 'The ticket was refused' },
  'origin-refused': { status: 403, title: 'The origin may not report for this site' },
  forbidden: { status: 403, title: 'The token does not allow this' },
  'unknown-site': { status: 404, title: 'The site is not known here' },
  'not-found': { status: 404, title: 'There is nothing at this address' },
  'method-not-allowed': { status: 405, title: 'The address does not take this method' },
  'not-acceptable': { status: 406, title: 'No format that is offered here is acceptable' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The media type is not supported' },
  'invalid-event': { status: 422, title: 'The event is not valid' },
  'invalid-query': { status: 422, title: 'The query is not valid' },
  'too-many-requests': { status: 429, title: 'Too many requests' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  internal: { status: 500, title: 'The collector failed' },
  unavailable: { status: 503, title: 'The collector cannot do this now' },
} as const satisfies Record<string, { status: number; title: string }>

export type ErrorCode = keyof typeof errorCodes

/** One part of a request that is not as it must be. */
export type FieldError = { readonly detail: string } & (
  | {
      /** Where it stands in the body: a JSON pointer in a URI fragment (RFC 6901, section 6). */
      readonly pointer: string
    }
  | {
      /** Its name in the query of the URL. */
      readonly parameter: string
    }
)

/** The body of an answer that reports an error (RFC 9457). */
export interface Problem {
  readonly type: `urn:lapse:problem:${ErrorCode}`
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly FieldError[]
}

interface LapseErrorOptions {
  readonly errors?: readonly FieldError[]
  /** Seconds after which trying again makes sense (RFC 9110, section 10.2.3). */
  readonly retryAfterSeconds?: number
  /** What went wrong underneath. It stays in the log. */
  readonly cause?: unknown
}

/** An error whose message, fields and retry time the client may see; its cause it may not. */
export class LapseError extends Error {
  override readonly name = 'LapseError'
  readonly code: ErrorCode
  readonly errors: readonly FieldError[] | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, options: LapseErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.code = code
    this.errors = options.errors
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What an answer repeats of a request is bounded, whatever the request held. */
const maxDetailLength = 1_000
const maxFieldErrors = 50
const maxFieldLength = 200

/** What a client is told of an error. */
export function problemOf({ code, message, errors }: LapseError): Problem {
  const { status, title } = errorCodes[code]
  const detail = shorten(message, maxDetailLength)
  const fields = errors?.slice(0, maxFieldErrors).map(shortenField)
  return { type: `urn:lapse:problem:${code}`, title, status, detail, ...(fields && { errors: fields }) }
}

function shortenField(field: FieldError): FieldError {
  const detail = shorten(field.detail, maxFieldLength)
  return 'pointer' in field
    ? { pointer: shorten(field.pointer, maxFieldLength), detail }
    : { parameter: shorten(field.parameter, maxFieldLength), detail }
}
