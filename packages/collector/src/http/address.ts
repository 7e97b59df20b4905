import ipaddr from 'ipaddr.js'
import type { Site } from '../lapse/site.ts'

const keptBits = { ipv4: 24, ipv6: 48 } as const

/** Cuts an address to its /24 (IPv4) or /48 (IPv6), or keeps all or nothing of it. */
export function keptAddress(address: string, policy: Site['ip']): string | undefined {
  if (policy === 'none' || !ipaddr.isValid(address)) return undefined
  // An IPv4 client of a socket that takes both comes as ::ffff:192.0.2.1.
  const parsed = ipaddr.process(address)
  if (policy === 'full') return parsed.toString()
  const cidr = `${parsed.toString()}/${keptBits[parsed.kind()]}`
  return (parsed.kind() === 'ipv4' ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(cidr).toString()
}
