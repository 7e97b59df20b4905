import { SignJWT } from 'jose'
import type { DemoOptions } from './options.ts'
import type { SessionData } from './sessionStore.ts'

/**
 * Signs whose session this is, and which idle timeout it has: the page that will report the lapse cannot change it.
 *
 * It has no `exp`, because a lapse may be found weeks later. A ticket opens nothing, and sent once more it is about
 * the same session, which has one row.
 */
export function signTicket(
  { site, idleTimeoutSeconds, ticketSecret }: DemoOptions,
  { subject, alias }: Pick<SessionData, 'subject' | 'alias'>,
): Promise<string> {
  return new SignJWT({ sid: alias, idle: idleTimeoutSeconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer(site)
    .setSubject(subject)
    .setIssuedAt()
    .sign(new TextEncoder().encode(ticketSecret))
}
