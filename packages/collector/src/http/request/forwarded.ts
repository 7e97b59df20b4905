import { canonicalAddress } from './address.ts'

/** A header in which proxies pass on the client's address. */
export type ForwardedHeader = 'X-Forwarded-For' | 'Forwarded'

/** What one proxy says of whoever sent it the request; nothing where it does not know, or hides it. */
export interface Hop {
  readonly address: string | undefined
  readonly proto: string | undefined
}

/** Who a request came from. */
export interface Sender {
  /** The client's address; nothing where a trusted proxy does not tell it. */
  readonly address: string | undefined
  /** Every address from the socket's to the client's, as far as it is known. */
  readonly hops: readonly [string, ...string[]]
  /** The scheme that the client used, where the header says so. */
  readonly proto: string | undefined
}

/**
 * Follows what the proxies say, the nearest first, for as long as a trusted one says it. Whatever stands behind the
 * first address that is not trusted may be the client's invention.
 */
export function findSender(
  peer: string,
  said: Iterable<Hop>,
  isTrusted: (address: string) => boolean,
): Sender {
  const hops: [string, ...string[]] = [peer]
  let nearest = peer
  let scheme: string | undefined
  for (const { address, proto } of said) {
    if (!isTrusted(nearest)) break
    scheme = proto
    if (address === undefined) return { address, hops, proto: scheme }
    hops.push(address)
    nearest = address
  }
  return { address: nearest, hops, proto: scheme }
}

/** The hops of an `X-Forwarded-For`, the nearest first. Several lines of it are one list. */
export function* readForwardedFor(header: string): Generator<Hop> {
  for (const element of header.split(',').reverse()) {
    const text = element.trim()
    if (text !== '') yield { address: readNode(text), proto: undefined }
  }
}

/**
 * The hops of a `Forwarded` (RFC 7239), the nearest first. It is read from its end, so that a quote which the client
 * left open cannot swallow what the proxies wrote behind it.
 */
export function* readForwarded(header: string): Generator<Hop> {
  for (const element of elementsFromEnd(header)) {
    if (element.trim() === '') continue
    const parameters = readParameters(element)
    const node = parameters?.get('for')
    yield {
      address: node === undefined ? undefined : readNode(node),
      proto: parameters?.get('proto')?.toLowerCase(),
    }
  }
}

function* elementsFromEnd(header: string): Generator<string> {
  let end = header.length
  let isQuoted = false
  for (let at = header.length - 1; at >= 0; at--) {
    if (header[at] === '"' && !isEscaped(header, at)) isQuoted = !isQuoted
    if (header[at] !== ',' || isQuoted) continue
    yield header.slice(at + 1, end)
    end = at
  }
  yield header.slice(0, end)
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text[at - 1 - backslashes] === '\\') backslashes += 1
  return backslashes % 2 === 1
}

const parameter = /\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*))\s*(?:;|$)/y

/** The parameters of an element by their names in lower case; nothing where it is malformed or says a thing twice. */
function readParameters(element: string): ReadonlyMap<string, string> | undefined {
  const parameters = new Map<string, string>()
  parameter.lastIndex = 0
  while (parameter.lastIndex < element.length) {
    const [, name, quoted, token = ''] = parameter.exec(element) ?? []
    if (name === undefined || parameters.has(name.toLowerCase())) return undefined
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token)
  }
  return parameters
}

/**
 * An address as proxies write it: bare, with a port, or in brackets. Nothing for `unknown`, for an obfuscated identifier
 * such as `_hidden`, and for what is no address.
 */
function readNode(text: string): string | undefined {
  const [, bracketed] = /^\[([^\]]*)\](?::[\w.-]*)?$/.exec(text) ?? []
  if (bracketed !== undefined) return canonicalAddress(bracketed)
  // Of an IPv6 address without brackets, a port can be told only behind all eight groups.
  const [, beforePort] = /^([\d.]+|(?:[\da-f]{1,4}:){7}[\da-f]{1,4}):[\w.-]*$/i.exec(text) ?? []
  return canonicalAddress(beforePort ?? text)
}
