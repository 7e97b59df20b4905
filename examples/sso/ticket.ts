import { SignJWT } from 'jose'
import type { AppOptions } from './app.ts'

/** Signs whose session this is, and which idle timeout it has: no script can change it. */
export function signTicket(
  { idleTimeoutSeconds, ticketSecret }: AppOptions,
  { subject, alias }: { readonly subject: string; readonly alias: string },
): Promise<string> {
  return new SignJWT({ sid: alias, idle: idleTimeoutSeconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer('desk')
    .setSubject(subject)
    .setIssuedAt()
    .sign(new TextEncoder().encode(ticketSecret))
}
