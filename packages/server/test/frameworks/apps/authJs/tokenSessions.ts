import { join } from 'node:path'
import { env } from 'node:process'
import Credentials from '@auth/express/providers/credentials'
import type { LapseServer } from '@lapse/server'
import Database from 'better-sqlite3'
import { renderPost } from './renderPost.ts'
import type { Sessions } from './sessions.ts'

type Reason = 'revoked' | 'displaced'

/** Sessions in tokens (`strategy: 'jwt'`), with a list of the sessions that have ended before their time. */
export function createTokenSessions(lapse: LapseServer): Sessions {
  const database = new Database(join(env.STORE_FOLDER ?? '', 'ended.sqlite'))
  database.pragma('journal_mode = WAL')
  database.exec(
    'create table if not exists ended (user text, reason text, endedAt integer, exceptSession text)',
  )
  const insert = database.prepare('insert into ended values (?, ?, ?, ?)')
  const select = database.prepare<[string, number, string], { reason: Reason }>(
    'select reason from ended where user = ? and endedAt >= ? and exceptSession <> ?',
  )

  function endAll(subject: string, reason: Reason, except = ''): void {
    insert.run(subject, reason, Date.now(), except)
    lapse.endedAll(except ? { subject, reason, except } : { subject, reason })
  }

  return {
    config: {
      secret: env.SESSION_SECRET ?? '',
      trustHost: true,
      session: { strategy: 'jwt', maxAge: Number(env.IDLE_TIMEOUT_SECONDS) },
      providers: [
        Credentials({ credentials: { user: {} }, authorize: ({ user }) => ({ id: String(user) }) }),
      ],
      callbacks: {
        jwt({ token, trigger }) {
          if (!token.lapse) return token
          const { subject, session, startedAt } = token.lapse
          if (trigger === 'signIn' && env.SINGLE_SESSION) endAll(subject, 'displaced', session)
          return select.get(subject, startedAt, session) ? null : token
        },
      },
    },
    options: {
      refusalReason({ lapse }) {
        const ended = lapse && select.get(lapse.subject, lapse.startedAt, lapse.session)
        return ended?.reason ?? 'revoked'
      },
    },
    async signIn(user, response) {
      response.send(renderPost('/auth/callback/credentials', { user }, '/'))
    },
    async revoke(user) {
      endAll(user, 'revoked')
    },
  }
}
