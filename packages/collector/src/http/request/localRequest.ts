import ipaddr from 'ipaddr.js'
import type { Context } from '../context.ts'
import { readForwarded, readForwardedFor } from './forwarded.ts'

/** Headers in which proxies name the client's address alone. */
const clientHeaders = ['X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP']

/** What a proxy adds to a request that it passes on. */
const proxyHeaders = [
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'Via',
  ...clientHeaders,
]

/**
 * Whether a program on this machine sent the request. One that came through a proxy which is not trusted, or does not
 * name the client, could be anyone's.
 *
 * A page in a browser of this machine is not such a program. It sends an `Origin`, or, after DNS rebinding, a `Host`
 * that is a name of its own site.
 *
 * @param listenHost the host that the configuration says to listen on: a program may call the collector by it.
 */
export function isLocalRequest(ctx: Context, listenHost: string): boolean {
  if (ctx.get('Origin') !== '' || !isHostOfThisMachine(ctx.get('Host'), listenHost)) return false
  const { hops, isProxied } = ctx.state
  if (!hops.every(isLoopback)) return false
  if (proxyHeaders.every((name) => ctx.get(name) === '')) return true
  // The first hop is the socket's other end.
  return isProxied && hops.length > 1 && namesOnlyThisMachine(ctx)
}

/** Whether all headers agree: a proxy passes on those that it does not write itself, as the client made them up. */
function namesOnlyThisMachine(ctx: Context): boolean {
  const said = [...readForwardedFor(ctx.get('X-Forwarded-For')), ...readForwarded(ctx.get('Forwarded'))]
  return (
    said.every(({ address }) => address !== undefined && isLoopback(address)) &&
    clientHeaders.map((name) => ctx.get(name)).every((address) => address === '' || isLoopback(address))
  )
}

function isHostOfThisMachine(header: string, listenHost: string): boolean {
  const name = hostname(header)
  return name !== undefined && (name === 'localhost' || isLoopback(name) || name === hostname(listenHost))
}

/** The host without its port, in the one spelling that URLs have, and without the brackets of an IPv6 address. */
function hostname(host: string): string | undefined {
  const isBareIPv6 = ipaddr.IPv6.isValid(host)
  return URL.parse(`http://${isBareIPv6 ? `[${host}]` : host}`)?.hostname.replace(/^\[(.*)\]$/, '$1')
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}
