import proxyAddress from 'proxy-addr'
import type { Context } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { canonicalAddress } from './address.ts'
import { findSender, readForwarded, readForwardedFor, type Sender } from './forwarded.ts'

/**
 * Makes what tells who sent a request: the socket's other end or, where that is a trusted proxy, whom it names.
 *
 * A proxy that writes only one of the two headers passes the other one on as the client made it up. Nearly all proxies
 * write `X-Forwarded-For`, so that one counts where both are there, unless the configuration says which one to read.
 *
 * @param onConflict is called once, when the two headers name different clients.
 */
export function senderReader(
  { trustProxy, forwardedHeader }: CollectorParts['settings'],
  onConflict: () => void,
): (ctx: Context) => Sender & { readonly isProxied: boolean } {
  const compiled = proxyAddress.compile([...trustProxy])
  const isTrusted = (address: string) => compiled(address, 0)
  const readsForwardedFor = forwardedHeader !== 'Forwarded'
  const readsForwarded = forwardedHeader !== 'X-Forwarded-For'
  let hasConflicted = false

  function readHeaders(ctx: Context, peer: string): Sender {
    const forwardedFor = readsForwardedFor ? ctx.get('X-Forwarded-For') : ''
    const forwarded = readsForwarded ? ctx.get('Forwarded') : ''
    if (forwardedFor === '') return findSender(peer, readForwarded(forwarded), isTrusted)
    const sender = findSender(peer, readForwardedFor(forwardedFor), isTrusted)
    if (forwarded !== '' && !hasConflicted) {
      hasConflicted = findSender(peer, readForwarded(forwarded), isTrusted).address !== sender.address
      if (hasConflicted) onConflict()
    }
    return sender
  }

  return (ctx) => {
    // A socket that is closed already has no address.
    const peer = canonicalAddress(ctx.req.socket.remoteAddress ?? '') ?? ''
    if (!isTrusted(peer)) return { address: peer, hops: [peer], proto: undefined, isProxied: false }
    const [scheme] = readsForwardedFor ? ctx.get('X-Forwarded-Proto').split(',') : []
    const sender = readHeaders(ctx, peer)
    return { ...sender, proto: sender.proto ?? scheme?.trim().toLowerCase(), isProxied: true }
  }
}
