import { SignJWT } from 'jose'
import type { AppOptions, SessionData } from './options.ts'

/** Signs whose session this is, and which idle timeout it has: no script can change it. */
export function signTicket(
  { idleTimeoutSeconds, ticketSecret }: AppOptions,
  { subject, session }: Pick<SessionData, 'subject' | 'session'>,
): Promise<string> {
  return new SignJWT({ sid: session, idle: idleTimeoutSeconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer('spa')
    .setSubject(subject)
    .setIssuedAt()
    .sign(new TextEncoder().encode(ticketSecret))
}
