import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import proxyAddress from 'proxy-addr'

const everybody =
  'would believe everybody: any client could choose its address. Name the networks of your proxies'

/** An address of each block that the public Internet uses: of IPv4 each /8, of IPv6 each regional registry's. */
const publicAddresses = [
  Array.from({ length: 223 }, (_, index) => `${index + 1}.0.0.1`),
  ['2001::1', '2400::1', '2600::1', '2800::1', '2a00::1', '2c00::1'],
]

/** @returns what is wrong with an entry of `trustProxy`, or nothing. */
export function describeNetworkFault(text: string): string | undefined {
  const [address = ''] = text.split('/')
  if (isIP(address) === 0 || (address !== text && !ipaddr.isValidCIDR(text)))
    return 'write an IP address or a network such as 10.0.0.0/8'
  if (address !== text && ipaddr.parseCIDR(text)[1] === 0) return everybody
  return describeNetworksFault([text])
}

/** @returns what is wrong with networks that are each right, or nothing: together they may be all addresses. */
export function describeNetworksFault(networks: readonly string[]): string | undefined {
  const isTrusted = proxyAddress.compile([...networks])
  const areAllTrusted = publicAddresses.some((addresses) => addresses.every((each) => isTrusted(each, 0)))
  return areAllTrusted ? everybody : undefined
}
