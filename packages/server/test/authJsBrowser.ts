import { createHash, randomBytes } from 'node:crypto'
import { Auth, type AuthConfig, skipCSRFCheck } from '@auth/core'
import type { Adapter } from '@auth/core/adapters'
import Credentials from '@auth/core/providers/credentials'
import { DrizzleAdapter } from '@auth/drizzle-adapter'
import { watchFetch } from '@lapse/server/authjs'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { schema, tables } from './frameworks/apps/authJs/tables.ts'

const secret = randomBytes(32).toString('base64url')

/** A configuration without CSRF tokens, whose users sign in with their id. */
export const tokenConfig: AuthConfig = {
  secret,
  trustHost: true,
  skipCSRFCheck,
  logger: { error() {} },
  session: { strategy: 'jwt', maxAge: 1800 },
  providers: [Credentials({ credentials: { user: {} }, authorize: ({ user }) => ({ id: String(user) }) })],
}

/** The same with sessions in a new database, whose users sign in by email. */
export function createDatabaseConfig(): AuthConfig & {
  readonly adapter: Adapter
  readonly database: Database.Database
} {
  const database = new Database(':memory:')
  database.exec(tables)
  return {
    ...tokenConfig,
    database,
    adapter: DrizzleAdapter(drizzle(database), schema),
    session: { strategy: 'database', maxAge: 1800, updateAge: 0 },
    providers: [{ id: 'email', type: 'email', name: 'Email', maxAge: 60, sendVerificationRequest() {} }],
  }
}

/** Sends requests to Auth.js, and keeps its cookies. */
export class AuthBrowser {
  readonly cookies = new Map<string, string>()
  readonly #config: AuthConfig

  constructor(config: AuthConfig) {
    this.#config = config
  }

  async request(path: string, body?: object): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, 'content-type': 'application/json' }
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {}
    const request = new Request(`http://localhost/auth/${path}`, { headers, ...init })
    const response = await watchFetch(request, () => Auth(request, this.#config))
    for (const setCookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(setCookie) ?? []
      if (value) this.cookies.set(name, value)
      else this.cookies.delete(name)
    }
    return response
  }

  /** Signs in, with the strategy `jwt`. */
  async signInWithToken(user: string): Promise<void> {
    await this.request('callback/credentials', { user })
  }

  /** Signs in, with the strategy `database`: follows a link as Auth.js sends it by email. */
  async signInByEmail(email: string): Promise<void> {
    const token = randomBytes(32).toString('hex')
    const hash = createHash('sha256').update(`${token}${secret}`).digest('hex')
    const expires = new Date(Date.now() + 60_000)
    await this.#config.adapter?.createVerificationToken?.({ identifier: email, token: hash, expires })
    await this.request(`callback/email?${new URLSearchParams({ token, email })}`)
  }

  /** The value of the session's cookie. */
  get sessionToken(): string {
    return this.cookies.get('authjs.session-token') ?? ''
  }

  async readSession() {
    return (await this.request('session')).json()
  }

  async signOut(): Promise<void> {
    await this.request('signout', {})
  }
}
