import { errors } from 'jose'

/** The signature matches none of the keys that were tried, and the set has more keys than may be tried. */
export class TooManyKeysError extends errors.JOSEError {
  constructor(tried: number) {
    super(`its kid does not identify a single key, and its signature matches none of the first ${tried} keys`)
  }
}

/** Explains why a ticket does not verify. The text continues "The ticket was refused:". */
export function describeTicketFault(failure: errors.JOSEError, site: string): string {
  if (failure instanceof errors.JWTClaimValidationFailed) return describeClaim(failure, site)
  if (failure instanceof errors.JWSInvalid || failure instanceof errors.JWTInvalid)
    return 'it is not a well-formed signed JWT'
  if (failure instanceof TooManyKeysError) return failure.message
  return `it cannot be verified (${failure.code})`
}

function describeClaim({ claim, reason }: errors.JWTClaimValidationFailed, site: string): string {
  if (claim === 'typ') return 'its header must have "typ": "lapse+jwt"'
  if (reason === 'missing') return `its claim ${claim} is missing`
  if (reason === 'invalid') return `its claim ${claim} must be a number of seconds`
  if (claim === 'iss') return `its claim iss must be the name of the site, "${site}"`
  if (claim === 'nbf') return 'it is not valid yet, according to its claim nbf'
  return `its claim ${claim} is invalid`
}
