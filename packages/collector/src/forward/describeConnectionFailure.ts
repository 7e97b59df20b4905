import { readErrorCode } from '../domain/thrownError.ts'
import { DeliveryError } from './sender.ts'

const certificateHint =
  'Check that its certificate is valid for this host name and issued by a trusted authority.'

/** What to do about failures that persist until somebody does it. */
const hints: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: certificateHint,
  DEPTH_ZERO_SELF_SIGNED_CERT: certificateHint,
  ERR_TLS_CERT_ALTNAME_INVALID: certificateHint,
  SELF_SIGNED_CERT_IN_CHAIN: certificateHint,
  UNABLE_TO_GET_ISSUER_CERT: certificateHint,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificateHint,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificateHint,
  ENOTFOUND: 'Check the host name.',
}

/**
 * Describes why a receiver could not be reached. Only the code of the error is used: messages contain addresses, and
 * what the other side has sent.
 */
export function describeConnectionFailure(error: unknown): DeliveryError {
  const code = findCode(error)
  if (code === undefined) return new DeliveryError('The connection to the receiver failed.')
  const hint = hints[code]
  return new DeliveryError(`The connection to the receiver failed: ${code}.${hint ? ` ${hint}` : ''}`, {
    code,
  })
}

/** The error of `fetch` wraps another one, which can contain one for each address of the host. */
function findCode(error: unknown): string | undefined {
  const [first] = error instanceof AggregateError ? error.errors : []
  const cause = error instanceof Error ? error.cause : undefined
  return (
    readErrorCode(error) ?? (first && findCode(first)) ?? (cause === undefined ? undefined : findCode(cause))
  )
}
