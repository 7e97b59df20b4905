import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { type SslMode, sslModes, type TlsSettings } from './mysql/mysqlTls.ts'

export interface MysqlLocation {
  readonly dialect: 'mysql'
  /** The members of a cluster, or a single host. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[]
  readonly user: string
  readonly password: string
  readonly database: string
  readonly tls: TlsSettings
}

/** Where the rows are kept, as a database URL says it. */
export type DatabaseLocation = { readonly dialect: 'sqlite'; readonly path: string } | MysqlLocation

const form =
  'write mysql://user:password@host:port/name, mariadb://… likewise (several hosts separated by commas), or sqlite:PATH'

/**
 * Reads `mysql://user:pass@host:port,host:port/name`, `mariadb://…` likewise, or `sqlite:PATH`. TLS is set by
 * `?ssl-mode=…&ssl-ca=PATH&ssl-cert=PATH&ssl-key=PATH`.
 */
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
  /^(?:mysql|mariadb):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?<path>[^?#]*)(?:\?(?<options>[^#]*))?$/

function mysqlLocation(text: string): MysqlLocation | string {
  const { user = '', password = '', hosts = '', path = '', options = '' } = mysqlUrl.exec(text)?.groups ?? {}
  // No URL parser accepts several hosts; each of them alone is an ordinary URL.
  const urls = hosts.split(',').map((host) => URL.parse(`mysql://${host}`))
  if (!urls.every((url) => url?.hostname)) return 'this is no database URL'
  const database = /^\/([^/]+)$/.exec(path)?.[1]
  if (!database) return 'the name of the database is missing or not one word'
  const tls = tlsSettings(new URLSearchParams(options))
  if (typeof tls === 'string') return tls
  const address = urls.map((url) => hostOf(url)).find((host) => isIP(host) !== 0)
  // The driver compares a certificate with a name only. For an address it would compare it with "localhost".
  if (tls.mode === 'VERIFY_IDENTITY' && address !== undefined)
    return `ssl-mode=VERIFY_IDENTITY needs the name of the host that the certificate is for, not the address ${address}`
  try {
    return {
      dialect: 'mysql',
      hosts: urls.map((url) => ({
        host: hostOf(url),
        port: Number(url?.port || 3306),
      })),
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      database: decodeURIComponent(database),
      tls,
    }
  } catch {
    return 'a % is not followed by two hexadecimal digits'
  }
}

/** The URL writes an IPv6 address in brackets, the socket takes it without them. */
function hostOf(url: URL | null): string {
  return (url?.hostname ?? '').replace(/^\[(.*)\]$/, '$1')
}

const tlsOptions = ['ssl-mode', 'ssl-ca', 'ssl-cert', 'ssl-key']

function tlsSettings(options: URLSearchParams): TlsSettings | string {
  for (const name of new Set(options.keys())) {
    if (!tlsOptions.includes(name))
      return `"${name}" is not an option; the options are ${tlsOptions.join(', ')}`
    if (options.getAll(name).length > 1) return `"${name}" is given more than once`
    if (options.get(name) === '') return `"${name}" has no value`
  }
  const [caPath, certPath, keyPath] = ['ssl-ca', 'ssl-cert', 'ssl-key'].map(
    (name) => options.get(name) ?? undefined,
  )
  if ((certPath === undefined) !== (keyPath === undefined)) return 'ssl-cert and ssl-key need each other'
  const written = options.get('ssl-mode')
  // As MySQL's own clients do: naming an authority without a mode means that it is to be checked.
  const mode = written === null ? (caPath ? 'VERIFY_CA' : 'PREFERRED') : toSslMode(written)
  if (mode === undefined) return `ssl-mode must be one of ${sslModes.join(', ')}`
  if (mode === 'DISABLED' && (caPath ?? certPath)) return 'ssl-mode=DISABLED uses no certificates'
  return {
    mode,
    ...(caPath !== undefined && { caPath }),
    ...(certPath !== undefined && { certPath }),
    ...(keyPath !== undefined && { keyPath }),
  }
}

function toSslMode(text: string): SslMode | undefined {
  return sslModes.find((mode) => mode === text.toUpperCase())
}

/** The same location, with the paths of its files absolute. */
export function resolvePaths(location: DatabaseLocation, folder: string): DatabaseLocation {
  if (location.dialect === 'sqlite') return { ...location, path: resolve(folder, location.path) }
  const { mode, ...files } = location.tls
  const paths = Object.entries(files).map(([name, path]) => [name, resolve(folder, path)])
  return { ...location, tls: { mode, ...Object.fromEntries(paths) } }
}

/** A database in messages: everything of its URL but the password and the options. */
export function nameOf(location: DatabaseLocation): string {
  if (location.dialect === 'sqlite') return `sqlite:${location.path}`
  const hosts = location.hosts.map(({ host, port }) => `${host}:${port}`)
  return `mysql://${location.user}@${hosts.join()}/${location.database}`
}
