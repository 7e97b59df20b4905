import { z } from 'zod'

export interface MysqlLocation {
  readonly dialect: 'mysql'
  /** The members of a cluster, or a single host. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly user: string
  readonly password: string
  readonly database: string
}

/** Where the rows are kept, as a database URL says it. */
export type DatabaseLocation = { readonly dialect: 'sqlite'; readonly path: string } | MysqlLocation

const form =
  'write mysql://user:password@host:port/name, mariadb://… likewise (several hosts separated by commas), or sqlite:PATH'

/** Reads `mysql://user:pass@host:port,host:port/name`, `mariadb://…` likewise, or `sqlite:PATH`. */
export const databaseUrlSchema = z.string().transform((text, context): DatabaseLocation => {
  const location = text.startsWith('sqlite:') ? sqliteLocation(text) : mysqlLocation(text)
  if (typeof location === 'object') return location
  context.addIssue({ code: 'custom', message: `${location}: ${form}` })
  return z.NEVER
})

function sqliteLocation(text: string): DatabaseLocation | string {
  const path = text.slice('sqlite:'.length)
  if (path === '') return 'the path is missing'
  // What reads and what writes are connections of their own, and would each have another database.
  if (path === ':memory:') return 'a database in memory cannot be shared'
  return { dialect: 'sqlite', path }
}

const mysqlUrl =
  /^(?:mysql|mariadb):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?<path>.*)$/

function mysqlLocation(text: string): MysqlLocation | string {
  const { user = '', password = '', hosts = '', path = '' } = mysqlUrl.exec(text)?.groups ?? {}
  // Of several hosts no URL parser knows; each of them alone is an ordinary one.
  const urls = hosts.split(',').map((host) => URL.parse(`mysql://${host}`))
  if (!urls.every((url) => url?.hostname)) return 'this is no database URL'
  if (/[?#]/.test(path)) return 'options after the name of the database are not supported'
  const database = /^\/([^/]+)$/.exec(path)?.[1]
  if (!database) return 'the name of the database is missing or not one word'
  try {
    return {
      dialect: 'mysql',
      hosts: urls.map((url) => ({
        // The URL writes an IPv6 address in brackets, the socket takes it without them.
        host: (url?.hostname ?? '').replace(/^\[(.*)\]$/, '$1'),
        port: Number(url?.port || 3306),
      })),
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      database: decodeURIComponent(database),
    }
  } catch {
    return 'a % is not followed by two hexadecimal digits'
  }
}
