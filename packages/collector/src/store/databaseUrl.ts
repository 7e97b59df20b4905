import { z } from 'zod'

/** Where the rows are kept, as a database URL says it. */
export type DatabaseLocation =
  | { readonly dialect: 'sqlite'; readonly path: string }
  | {
      readonly dialect: 'mysql'
      readonly host: string
      readonly port: number
      readonly user: string
      readonly password: string
      readonly database: string
    }

const form = 'write mysql://user:password@host:port/name, mariadb://… likewise, or sqlite:PATH'

/** Reads `mysql://user:pass@host:port/name`, `mariadb://…` likewise, or `sqlite:PATH`. */
export const databaseUrlSchema = z.string().transform((text, context): DatabaseLocation => {
  const location = text.startsWith('sqlite:') ? sqliteLocation(text) : mysqlLocation(text)
  if (typeof location === 'object') return location
  context.addIssue({ code: 'custom', message: `${location}: ${form}` })
  return z.NEVER
})

function sqliteLocation(text: string): DatabaseLocation | string {
  const path = text.slice('sqlite:'.length)
  return path === '' ? 'the path is missing' : { dialect: 'sqlite', path }
}

function mysqlLocation(text: string): DatabaseLocation | string {
  const url = URL.parse(text)
  if (!url || !/^(mysql|mariadb):$/.test(url.protocol) || !url.hostname) return 'this is no database URL'
  const [, database, ...rest] = url.pathname.split('/')
  if (!database || rest.length > 0) return 'the name of the database is missing or not one word'
  if (url.search || url.hash) return 'options after the name of the database are not supported'
  return {
    dialect: 'mysql',
    // The URL writes an IPv6 address in brackets, the socket takes it without them.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port ? Number(url.port) : 3306,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(database),
  }
}
