import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Site } from '../../domain/site.ts'

/**
 * The one spelling of an address: IPv4 where it is mapped into IPv6 (a socket that takes both has ::ffff:192.0.2.1),
 * decimal without leading zeros, IPv6 in lower case and compressed (RFC 5952), without a zone. Nothing for what is no
 * address.
 */
export function canonicalAddress(text: string): string | undefined {
  // Parsing costs more than all else that is done to an event.
  if (isIPv4(text)) return text
  if (/^\d{1,4}(\.\d{1,4}){3}$/.test(text)) {
    const decimal = text.split('.').map(Number).join('.')
    return isIPv4(decimal) ? decimal : undefined
  }
  const [address = ''] = text.split('%')
  return isIPv6(address) ? ipaddr.process(address).toString() : undefined
}

/** Cuts an address to its /24 (IPv4) or /48 (IPv6), or keeps all or nothing of it. */
export function keptAddress(address: string, policy: Site['ip']): string | undefined {
  if (policy === 'none') return undefined
  const canonical = canonicalAddress(address)
  if (canonical === undefined || policy === 'full') return canonical
  return isIPv4(canonical)
    ? canonical.replace(/\d+$/, '0')
    : ipaddr.IPv6.networkAddressFromCIDR(`${canonical}/48`).toString()
}

/**
 * What a rate limit counts by, as a key: an IPv4 address, or the /64 of an IPv6 one, since a single client has all addresses of
 * its /64. An IPv4 client that comes through a translator (RFC 6052) counts by its own address: all of them share a /64.
 */
export function clientNetwork(address: string): string {
  if (isIPv4(address) || !isIPv6(address)) return address
  const parsed = ipaddr.IPv6.parse(address)
  return parsed.range() === 'rfc6052'
    ? parsed.toByteArray().slice(-4).join('.')
    : `${parsed.parts.slice(0, 4).join(':')}::/64`
}
