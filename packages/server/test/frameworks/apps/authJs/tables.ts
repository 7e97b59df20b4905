import { integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

const usersTable = sqliteTable('user', {
  id: text('id').primaryKey(),
  name: text('name'),
  email: text('email').unique(),
  emailVerified: integer('emailVerified', { mode: 'timestamp_ms' }),
  image: text('image'),
})
const accountsTable = sqliteTable(
  'account',
  {
    userId: text('userId').notNull(),
    type: text('type').notNull(),
    provider: text('provider').notNull(),
    providerAccountId: text('providerAccountId').notNull(),
    refresh_token: text('refresh_token'),
    access_token: text('access_token'),
    expires_at: integer('expires_at'),
    token_type: text('token_type'),
    scope: text('scope'),
    id_token: text('id_token'),
    session_state: text('session_state'),
  },
  ({ provider, providerAccountId }) => [primaryKey({ columns: [provider, providerAccountId] })],
)
const sessionsTable = sqliteTable('session', {
  sessionToken: text('sessionToken').primaryKey(),
  userId: text('userId').notNull(),
  expires: integer('expires', { mode: 'timestamp_ms' }).notNull(),
  createdAt: integer('createdAt', { mode: 'timestamp_ms' }).$defaultFn(() => new Date()),
})
const verificationTokensTable = sqliteTable(
  'verificationToken',
  {
    identifier: text('identifier').notNull(),
    token: text('token').notNull(),
    expires: integer('expires', { mode: 'timestamp_ms' }).notNull(),
  },
  ({ identifier, token }) => [primaryKey({ columns: [identifier, token] })],
)

/** The tables of the adapter. `session.createdAt` is not among the adapter's own columns. */
export const schema = { usersTable, accountsTable, sessionsTable, verificationTokensTable }

/** The SQL that creates the tables that the tests use. */
export const tables = `
  create table if not exists user (id text primary key, name text, email text unique, emailVerified integer, image text);
  create table if not exists session (sessionToken text primary key, userId text, expires integer, createdAt integer);
  create table if not exists verificationToken (identifier text, token text, expires integer);
`
