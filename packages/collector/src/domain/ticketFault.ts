import { errors } from 'jose'

/** None of the keys that were tried made the signature, and more are left. */
export class TooManyKeysError extends errors.JOSEError {
  constructor(tried: number) {
    super(`it has no kid that names one key, and none of the first ${tried} keys that fit made it`)
  }
}

/** Says in plain words why a ticket does not verify. */
export function describeTicketFault(failure: errors.JOSEError, site: string): string {
  if (failure instanceof errors.JWTExpired) return 'it has expired'
  if (failure instanceof errors.JWTClaimValidationFailed) return describeClaim(failure, site)
  if (failure instanceof errors.JWSInvalid || failure instanceof errors.JWTInvalid)
    return 'it is not a well-formed signed JWT'
  if (failure instanceof TooManyKeysError) return failure.message
  return `it cannot be verified (${failure.code})`
}

function describeClaim({ claim, reason }: errors.JWTClaimValidationFailed, site: string): string {
  if (claim === 'typ') return 'its header needs "typ": "lapse+jwt"'
  if (reason === 'missing') return `its claim ${claim} is missing`
  if (reason === 'invalid') return `its claim ${claim} must be a number of seconds`
  if (claim === 'iss') return `its claim iss must be the name of the site, "${site}"`
  if (claim === 'nbf') return 'its claim nbf says that it is not valid yet'
  return `its claim ${claim} is not valid`
}
