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

/** The location of the database, parsed from a database URL. */
export type DatabaseLocation = { readonly dialect: 'sqlite'; readonly path: string } | MysqlLocation

const expectedForm =
  'write mysql://user:password@host:port/name, the same with mariadb:// (several hosts separated by commas), or sqlite:PATH'

/**
 * Parses `mysql://user:pass@host:port,host:port/name`, the same with `mariadb://`, or `sqlite:PATH`. Query parameters
 * configure TLS: `?ssl-mode=…&ssl-ca=PATH&ssl-cert=PATH&ssl-key=PATH`.
 */
export const databaseUrlSchema = z.string().transform((text, context): DatabaseLocation => {
  const location = text.startsWith('sqlite:') ? parseSqliteUrl(text) : parseMysqlUrl(text)
  if (typeof location === 'object') return location
  context.addIssue({ code: 'custom', message: `${location}: ${expectedForm}` })
  return z.NEVER
})

function parseSqliteUrl(text: string): DatabaseLocation | string {
  const path = text.slice('sqlite:'.length)
  if (path === '') return 'the path is missing'
  // Each connection would open its own database.
  if (path === ':memory:') return 'an in-memory database cannot be shared between connections'
  return { dialect: 'sqlite', path }
}

const mysqlUrl =
  /^(?:mysql|mariadb):\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<hosts>[^@/?#]+)(?<path>[^?#]*)(?:\?(?<options>[^#]*))?$/

function parseMysqlUrl(text: string): MysqlLocation | string {
  const { user = '', password = '', hosts = '', path = '', options = '' } = mysqlUrl.exec(text)?.groups ?? {}
  // No URL parser accepts several hosts. With a single host, it is an ordinary URL.
  const urls = hosts.split(',').map((host) => URL.parse(`mysql://${host}`))
  if (!urls.every((url) => url?.hostname)) return 'this is not a database URL'
  const database = /^\/([^/]+)$/.exec(path)?.[1]
  if (!database) return 'the name of the database is missing or contains a slash'
  const tls = parseTlsSettings(new URLSearchParams(options))
  if (typeof tls === 'string') return tls
  const address = urls.map((url) => getHost(url)).find((host) => isIP(host) !== 0)
  // The driver compares certificates with host names only. For an IP address it would compare with "localhost".
  if (tls.mode === 'VERIFY_IDENTITY' && address !== undefined)
    return `ssl-mode=VERIFY_IDENTITY needs the host name in the certificate, not the address ${address}`
  try {
    return {
      dialect: 'mysql',
      hosts: urls.map((url) => ({
        host: getHost(url),
        port: Number(url?.port || 3306),
      })),
      user: decodeURIComponent(user),
      password: decodeURIComponent(password),
      database: decodeURIComponent(database),
      tls,
    }
  } catch {
    return 'a % must be followed by two hexadecimal digits'
  }
}

/** A URL has an IPv6 address in brackets, a socket without them. */
function getHost(url: URL | null): string {
  return (url?.hostname ?? '').replace(/^\[(.*)\]$/, '$1')
}

const tlsOptions = ['ssl-mode', 'ssl-ca', 'ssl-cert', 'ssl-key']

function parseTlsSettings(options: URLSearchParams): TlsSettings | string {
  for (const name of new Set(options.keys())) {
    if (!tlsOptions.includes(name))
      return `"${name}" is not an option. The options are ${tlsOptions.join(', ')}`
    if (options.getAll(name).length > 1) return `"${name}" is given more than once`
    if (options.get(name) === '') return `"${name}" has no value`
  }
  const [caPath, certPath, keyPath] = ['ssl-ca', 'ssl-cert', 'ssl-key'].map(
    (name) => options.get(name) ?? undefined,
  )
  if ((certPath === undefined) !== (keyPath === undefined))
    return 'ssl-cert and ssl-key must be used together'
  const modeOption = options.get('ssl-mode')
  // Like MySQL's own clients: an authority without a mode means that it is verified.
  const mode = modeOption === null ? (caPath ? 'VERIFY_CA' : 'PREFERRED') : parseSslMode(modeOption)
  if (mode === undefined) return `ssl-mode must be one of ${sslModes.join(', ')}`
  if (mode === 'DISABLED' && (caPath ?? certPath))
    return 'ssl-mode=DISABLED cannot be combined with certificates'
  return {
    mode,
    ...(caPath !== undefined && { caPath }),
    ...(certPath !== undefined && { certPath }),
    ...(keyPath !== undefined && { keyPath }),
  }
}

function parseSslMode(text: string): SslMode | undefined {
  return sslModes.find((mode) => mode === text.toUpperCase())
}

/** Makes the paths in a location absolute. */
export function resolvePaths(location: DatabaseLocation, folder: string): DatabaseLocation {
  if (location.dialect === 'sqlite') return { ...location, path: resolve(folder, location.path) }
  const { mode, ...files } = location.tls
  const paths = Object.entries(files).map(([name, path]) => [name, resolve(folder, path)])
  return { ...location, tls: { mode, ...Object.fromEntries(paths) } }
}

/** Formats a location for messages: the database URL without the password and the options. */
export function formatLocation(location: DatabaseLocation): string {
  if (location.dialect === 'sqlite') return `sqlite:${location.path}`
  const hosts = location.hosts.map(({ host, port }) => `${host}:${port}`)
  return `mysql://${location.user}@${hosts.join()}/${location.database}`
}
