import { SignJWT } from 'jose'

/** Signs whose session this is, and which idle timeout it has: no script can change it. */
export function signTicket(
  {
    idleTimeoutSeconds,
    ticketSecret,
  }: { readonly idleTimeoutSeconds: number; readonly ticketSecret: string },
  { subject, alias }: { readonly subject: string; readonly alias: string },
): Promise<string> {
  return new SignJWT({ sid: alias, idle: idleTimeoutSeconds })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer('desk')
    .setSubject(subject)
    .setIssuedAt()
    .sign(new TextEncoder().encode(ticketSecret))
}
