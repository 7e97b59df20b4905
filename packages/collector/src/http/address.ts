import { isIPv4 } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Site } from '../lapse/site.ts'

/** Cuts an address to its /24 (IPv4) or /48 (IPv6), or keeps all or nothing of it. */
export function keptAddress(address: string, policy: Site['ip']): string | undefined {
  if (policy === 'none') return undefined
  // Parsing and masking costs more than all else that is done to an event.
  if (isIPv4(address)) return policy === 'full' ? address : address.replace(/\d+$/, '0')
  if (!ipaddr.isValid(address)) return undefined
  // An IPv4 client of a socket that takes both comes as ::ffff:192.0.2.1.
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return keptAddress(parsed.toString(), policy)
  if (policy === 'full') return parsed.toString()
  return ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/48`).toString()
}
