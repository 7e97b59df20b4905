import type { ExpressAuthConfig } from '@auth/express'
import type { WithLapseOptions } from '@lapse/server/authjs'
import type { Response } from 'express'

/** What differs between the two strategies. */
export interface Sessions {
  readonly config: ExpressAuthConfig
  readonly options?: WithLapseOptions
  /** Lets Auth.js sign in a user, without a password. */
  signIn(user: string, response: Response): Promise<void>
  /** Ends all sessions of a user. */
  revoke(user: string): Promise<void>
}
