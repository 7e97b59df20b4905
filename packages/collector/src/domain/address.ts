import { isIPv4, isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Site } from './site.ts'

/**
 * Normalizes the spelling of an IP address. IPv4-mapped IPv6 (`::ffff:192.0.2.1`, which dual-stack sockets report)
 * becomes IPv4, leading zeros are removed, and IPv6 is compressed in lower case (RFC 5952), without a zone.
 *
 * @returns undefined if the text is not an address.
 */
export function canonicalizeAddress(text: string): string | undefined {
  // The common case first: parsing an address costs more than all other work on a report.
  if (isIPv4(text)) return text
  if (/^\d{1,4}(\.\d{1,4}){3}$/.test(text)) {
    const decimal = text.split('.').map(Number).join('.')
    return isIPv4(decimal) ? decimal : undefined
  }
  const [address = ''] = text.split('%')
  return isIPv6(address) ? ipaddr.process(address).toString() : undefined
}

/** Shortens an address to what a site stores: the /24 (IPv4) or /48 (IPv6) network, the whole address or nothing. */
export function applyAddressPolicy(address: string, policy: Site['ip']): string | undefined {
  if (policy === 'none') return undefined
  const canonical = canonicalizeAddress(address)
  if (canonical === undefined || policy === 'full') return canonical
  return isIPv4(canonical)
    ? canonical.replace(/\d+$/, '0')
    : ipaddr.IPv6.networkAddressFromCIDR(`${canonical}/48`).toString()
}
