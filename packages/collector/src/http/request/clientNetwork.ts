import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Context } from '../context.ts'

/**
 * Returns the key for counting the requests of a client. Clients that a proxy does not identify share the
 * proxy's count.
 */
export function readClientNetwork(ctx: Context): string {
  return computeClientNetwork(ctx.state.address || ctx.state.hops.at(-1) || '')
}

/**
 * Returns the IPv4 address, or the /64 of an IPv6 address: a single client has all addresses of its /64. Clients behind
 * an IPv4 translator (RFC 6052) share a /64, so they are counted by their IPv4 addresses.
 */
function computeClientNetwork(address: string): string {
  if (isIPv4(address) || !isIPv6(address)) return address
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.range() === 'rfc6052'
    ? parsed.toByteArray().slice(-4).join('.')
    : `${parsed.parts.slice(0, 4).join(':')}::/64`
}
