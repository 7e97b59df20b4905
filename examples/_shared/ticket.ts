import { SignJWT } from 'jose'

interface Ticket {
  /** The site's name in the collector's configuration. */
  readonly site: string
  readonly subject: string
  /** The session alias. */
  readonly session: string
  readonly idleTimeoutSeconds: number
  /** The secret of the site's `ticketKeys`. */
  readonly secret: string
}

/**
 * Signs a ticket: it proves to the collector whose session this is and which idle timeout it has.
 *
 * The ticket has no `exp`, because the session's end may be reported weeks later. It does not grant access to anything.
 */
export function signTicket({ site, subject, session, idleTimeoutSeconds, secret }: Ticket): Promise<string> {
  return new SignJWT({ sid: session, idle: idleTimeoutSeconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer(site)
    .setSubject(subject)
    .setIssuedAt()
    .sign(new TextEncoder().encode(secret))
}
