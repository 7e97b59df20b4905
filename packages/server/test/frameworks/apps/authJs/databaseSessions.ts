import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { env } from 'node:process'
import { DrizzleAdapter } from '@auth/drizzle-adapter'
import type { ExpressAuthConfig } from '@auth/express'
import { endSession } from '@lapse/server/authjs'
import Database from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import type { Sessions } from './sessions.ts'
import { schema, tables } from './tables.ts'

type Reason = 'revoked' | 'displaced'

/** Sessions in a database (`strategy: 'database'`), with sign-in by email. */
export function createDatabaseSessions(getAuth: () => ExpressAuthConfig): Sessions {
  const database = new Database(join(env.STORE_FOLDER ?? '', 'auth.sqlite'))
  database.pragma('journal_mode = WAL')
  database.exec(tables)
  const adapter = DrizzleAdapter(drizzle(database), schema)
  const secret = env.SESSION_SECRET ?? ''
  const insertUser = database.prepare('insert into user (id, email) values (?, ?) on conflict do nothing')
  const selectTokens = database
    .prepare<[string], string>('select sessionToken from session where userId = ? order by rowid desc')
    .pluck()

  async function end(sessionTokens: readonly string[], reason: Reason): Promise<void> {
    for (const sessionToken of sessionTokens) await endSession(getAuth().adapter, sessionToken, reason)
  }

  return {
    config: {
      adapter,
      secret,
      trustHost: true,
      session: { maxAge: Number(env.IDLE_TIMEOUT_SECONDS), updateAge: Number(env.UPDATE_AGE_SECONDS ?? 0) },
      providers: [{ id: 'email', type: 'email', name: 'Email', maxAge: 60, sendVerificationRequest() {} }],
      events: {
        async signIn({ user }) {
          const [, ...others] = selectTokens.all(user.id ?? '')
          if (env.SINGLE_SESSION) await end(others, 'displaced')
        },
      },
    },
    async signIn(user, response) {
      const email = `${user}@example.com`
      insertUser.run(user, email)
      // What Auth.js does when it sends a link.
      const token = randomBytes(32).toString('hex')
      const hash = createHash('sha256').update(`${token}${secret}`).digest('hex')
      const expires = new Date(Date.now() + 60_000)
      await adapter.createVerificationToken?.({ identifier: email, token: hash, expires })
      response.redirect(
        303,
        `/auth/callback/email?${new URLSearchParams({ callbackUrl: '/', token, email })}`,
      )
    },
    async revoke(user) {
      await end(selectTokens.all(user), 'revoked')
    },
  }
}
