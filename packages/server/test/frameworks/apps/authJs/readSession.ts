import { Auth, createActionURL, setEnvDefaults } from '@auth/core'
import type { Session } from '@auth/core/types'
import type { ExpressAuthConfig } from '@auth/express'
import type { Request, Response } from 'express'

/** Reads the session as `getSession` of @auth/express does, and also passes the extended cookie on to the browser. */
export async function readSession(
  { protocol, headers }: Request,
  response: Response,
  auth: ExpressAuthConfig,
): Promise<Session | null> {
  setEnvDefaults(process.env, auth)
  const url = createActionURL('session', protocol, new Headers(headers as HeadersInit), process.env, auth)
  const answer = await Auth(new Request(url, { headers: { cookie: headers.cookie ?? '' } }), auth)
  response.append('Set-Cookie', answer.headers.getSetCookie()).set('Cache-Control', 'no-store')
  return answer.json()
}
