import { shorten } from './text/shorten.ts'

interface ErrorDefinition {
  /** The HTTP status of the response. */
  readonly status: number
  /** A short summary, the same for every occurrence: the `title` of the problem. */
  readonly title: string
  /** What the error means, in one sentence for the reference. */
  readonly description: string
  /** What the client or the operator can do about it, for the reference. */
  readonly action: string
}

/**
 * Every error that Lapse raises. The codes are stable. The `type` of a problem is `urn:lapse:problem:CODE` (RFC 9457,
 * section 3.1.1). The reference of errors is generated from this table.
 */
export const errorCodes = {
  'not-json': {
    status: 400,
    title: 'The body is not JSON',
    description: 'The request body is not JSON in UTF-8.',
    action: 'Send JSON, encoded in UTF-8.',
  },
  'bad-request': {
    status: 400,
    title: 'The request is malformed',
    description: 'The request is not well-formed HTTP/1.1, or its body is shorter than announced.',
    action: 'Check the client, and any proxy between the client and the collector.',
  },
  'token-refused': {
    status: 401,
    title: 'The token is missing or invalid',
    description: 'The bearer token is missing, unknown, expired or revoked.',
    action: 'Create a token with `lapse token create`, and send it as `Authorization: Bearer …`.',
  },
  'ticket-refused': {
    status: 401,
    title: 'The ticket is missing or invalid',
    description: 'The ticket cannot be verified, or the site requires a ticket and the report has none.',
    action:
      "Sign in again, or check the site's `ticketKeys`. The `detail` says what is wrong with the ticket.",
  },
  'origin-refused': {
    status: 403,
    title: 'The origin is not allowed to report for this site',
    description: 'The page that sent the report has an origin that the site does not list.',
    action: "Add the origin to the site's `origins`.",
  },
  forbidden: {
    status: 403,
    title: 'The token does not permit this request',
    description: 'The token has another scope or belongs to another site.',
    action: 'Use a token with the scope and the site that the request needs.',
  },
  'unknown-site': {
    status: 404,
    title: 'The site is unknown',
    description: 'The configuration of the collector has no site with this name.',
    action: "Correct the site's name in the tag or the report, or add the site to `sites`.",
  },
  'not-found': {
    status: 404,
    title: 'Not found',
    description: 'No endpoint, file or row exists at this URL.',
    action: 'Check the URL. A token that is bound to one site cannot see the rows of other sites.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed',
    description: 'The endpoint does not support the HTTP method of the request.',
    action: 'Use one of the methods in the `Allow` header of the response.',
  },
  'not-acceptable': {
    status: 406,
    title: 'No acceptable format',
    description: 'The endpoint offers none of the media types that the `Accept` header lists.',
    action: 'Accept one of the media types that the `detail` lists.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request took too long to arrive',
    description: 'The headers took more than 5 seconds to arrive, or the whole request more than 10.',
    action: 'Send the request again. If this happens often, check the network and the proxies in between.',
  },
  'position-unknown': {
    status: 409,
    title: 'The position is unknown',
    description: 'The feed ends before the position in `after`: it belongs to another state of the database.',
    action:
      'If the database has just switched to a server that lags behind, try again later. If it was restored from a backup, start again from `beginning`, and ignore rows that you already have.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    description: 'The request body is larger than the endpoint accepts.',
    action: 'Send a smaller body. The `detail` states the limit.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The media type is not supported',
    description:
      'The `Content-Type` is neither `application/json` nor `text/plain`, or the body is compressed.',
    action: 'Send uncompressed JSON as `application/json` or `text/plain`.',
  },
  'invalid-event': {
    status: 422,
    title: 'The report is invalid',
    description: 'The body is JSON, but at least one of its fields is missing or invalid.',
    action: 'Correct every field that `errors` lists. The same report will be refused again.',
  },
  'invalid-query': {
    status: 422,
    title: 'The query is invalid',
    description: 'At least one query parameter is unknown, repeated or invalid.',
    action: 'Correct every parameter that `errors` lists.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    description: 'The client exceeded the rate limit, or its token has four exports running.',
    action: 'Wait for the number of seconds in `Retry-After`, then try again.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The headers are too large',
    description: 'The request headers are larger than 16 KiB.',
    action: 'Send smaller headers, for example fewer cookies.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    description: 'The collector failed unexpectedly.',
    action: "Search the collector's log for the id of the request.",
  },
  unavailable: {
    status: 503,
    title: 'The collector is temporarily unavailable',
    description:
      'The collector cannot reach its database or another server, has too many requests waiting or running, or is shutting down.',
    action:
      "Wait for the number of seconds in `Retry-After`, then try again. The collector's log has the cause.",
  },
} as const satisfies Readonly<Record<string, ErrorDefinition>>

export type ErrorCode = keyof typeof errorCodes

/** One invalid part of a request. */
export type FieldError = { readonly detail: string } & (
  | {
      /** Its place in the body: a JSON pointer as a URI fragment (RFC 6901, section 6). */
      readonly pointer: string
    }
  | {
      /** Its name in the query of the URL. */
      readonly parameter: string
    }
)

/** The body of an error response (RFC 9457). */
export interface Problem {
  readonly type: `urn:lapse:problem:${ErrorCode}`
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly errors?: readonly FieldError[]
}

interface LapseErrorOptions {
  readonly errors?: readonly FieldError[]
  /** The number of seconds to wait before trying again (RFC 9110, section 10.2.3). */
  readonly retryAfterSeconds?: number
  /** The underlying error. It is logged, and never sent to the client. */
  readonly cause?: unknown
}

/** An error whose message, fields and retry time are sent to the client. Its cause is not. */
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

// Messages can quote the request. These limits keep the response small even if the request is large.
const maxDetailLength = 1_000
const maxFieldErrors = 50
const maxFieldLength = 200

/** Converts an error to the body of its response. */
export function toProblem({ code, message, errors }: LapseError): Problem {
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
