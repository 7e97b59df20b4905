import proxyAddress from 'proxy-addr'
import { canonicalizeAddress } from '../../domain/address.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { type Client, followProxies, readForwarded, readForwardedFor } from './forwarded.ts'

/**
 * Creates a function that identifies the client of a request: the socket's peer or, if that is a trusted proxy, the
 * client that the proxy reports.
 *
 * A proxy that writes only one of `X-Forwarded-For` and `Forwarded` passes the other on as the client sent it.
 * Nearly all proxies write `X-Forwarded-For`, so it wins unless the configuration names the header to read.
 *
 * @param onConflict called once, when the two headers report different clients.
 */
export function createClientIdentifier(
  { trustProxy, forwardedHeader }: Dependencies['settings'],
  onConflict: () => void,
): (ctx: Context) => Client & { readonly isProxied: boolean } {
  const compiled = proxyAddress.compile([...trustProxy])
  const isTrusted = (address: string) => compiled(address, 0)
  const readsForwardedFor = forwardedHeader !== 'Forwarded'
  const readsForwarded = forwardedHeader !== 'X-Forwarded-For'
  let hasConflicted = false

  function readHeaders(ctx: Context, peer: string): Client {
    const forwardedFor = readsForwardedFor ? ctx.get('X-Forwarded-For') : ''
    const forwarded = readsForwarded ? ctx.get('Forwarded') : ''
    if (forwardedFor === '') return followProxies(peer, readForwarded(forwarded), isTrusted)
    const client = followProxies(peer, readForwardedFor(forwardedFor), isTrusted)
    if (forwarded !== '' && !hasConflicted) {
      hasConflicted = followProxies(peer, readForwarded(forwarded), isTrusted).address !== client.address
      if (hasConflicted) onConflict()
    }
    return client
  }

  return (ctx) => {
    // A closed socket has no address.
    const peer = canonicalizeAddress(ctx.req.socket.remoteAddress ?? '') ?? ''
    if (!isTrusted(peer)) return { address: peer, hops: [peer], proto: undefined, isProxied: false }
    const [scheme] = readsForwardedFor ? ctx.get('X-Forwarded-Proto').split(',') : []
    const client = readHeaders(ctx, peer)
    return { ...client, proto: client.proto ?? scheme?.trim().toLowerCase(), isProxied: true }
  }
}
