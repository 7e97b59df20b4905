import ipaddr from 'ipaddr.js'
import type { Context } from '../context.ts'
import { readForwarded, readForwardedFor } from './forwarded.ts'

/** Some proxies send the client's address in one of these headers. */
const clientAddressHeaders = ['X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP']

/** Headers that show that a proxy forwarded the request. */
const proxyHeaders = [
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'Via',
  ...clientAddressHeaders,
]

/**
 * Returns whether a program on this machine sent the request. A request through a proxy that is not trusted, or that
 * does not name the client, could come from anyone.
 *
 * Pages in a browser on this machine do not count: they send an `Origin` or, after DNS rebinding, a `Host` of their own
 * site.
 *
 * @param listenHost the configured host, which a program may use to call the collector.
 */
export function isLocalRequest(ctx: Context, listenHost: string): boolean {
  if (ctx.get('Origin') !== '' || !isLocalHost(ctx.get('Host'), listenHost)) return false
  const { hops, isProxied } = ctx.state
  if (!hops.every(isLoopback)) return false
  if (proxyHeaders.every((name) => ctx.get(name) === '')) return true
  // The first hop is the socket's peer.
  return isProxied && hops.length > 1 && hasOnlyLoopbackAddresses(ctx)
}

/** Checks all headers: a proxy may pass on some of them as the client sent them. */
function hasOnlyLoopbackAddresses(ctx: Context): boolean {
  const forwarded = [...readForwardedFor(ctx.get('X-Forwarded-For')), ...readForwarded(ctx.get('Forwarded'))]
  return (
    forwarded.every(({ address }) => address !== undefined && isLoopback(address)) &&
    clientAddressHeaders
      .map((name) => ctx.get(name))
      .every((address) => address === '' || isLoopback(address))
  )
}

function isLocalHost(header: string, listenHost: string): boolean {
  const name = readHostname(header)
  return name !== undefined && (name === 'localhost' || isLoopback(name) || name === readHostname(listenHost))
}

/** Returns the host without its port, normalized as in URLs, and without the brackets of an IPv6 address. */
function readHostname(host: string): string | undefined {
  const isBareIPv6 = ipaddr.IPv6.isValid(host)
  return URL.parse(`http://${isBareIPv6 ? `[${host}]` : host}`)?.hostname.replace(/^\[(.*)\]$/, '$1')
}

function isLoopback(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'loopback'
}
