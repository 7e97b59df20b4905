import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import proxyAddress from 'proxy-addr'

const trustsEveryone =
  'would trust everyone, so any client could forge its address; name only the networks of your proxies'

/** One address of every public block: each IPv4 /8, and each regional registry's IPv6 block. */
const publicAddresses = [
  Array.from({ length: 223 }, (_, index) => `${index + 1}.0.0.1`),
  ['2001::1', '2400::1', '2600::1', '2800::1', '2a00::1', '2c00::1'],
]

/** @returns what is wrong with one entry of `trustProxy`, or undefined if nothing is. */
export function describeNetworkFault(text: string): string | undefined {
  const [address = ''] = text.split('/')
  if (isIP(address) === 0 || (address !== text && !ipaddr.isValidCIDR(text)))
    return 'must be an IP address or a network such as 10.0.0.0/8'
  if (address !== text && ipaddr.parseCIDR(text)[1] === 0) return trustsEveryone
  return describeNetworksFault([text])
}

/** @returns what is wrong with all entries together, or undefined: valid networks may add up to all addresses. */
export function describeNetworksFault(networks: readonly string[]): string | undefined {
  const isTrusted = proxyAddress.compile([...networks])
  const areAllTrusted = publicAddresses.some((addresses) => addresses.every((each) => isTrusted(each, 0)))
  return areAllTrusted ? trustsEveryone : undefined
}
