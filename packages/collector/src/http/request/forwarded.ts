import { canonicalizeAddress } from '../../domain/address.ts'

/** A header in which proxies report the client's address. */
export type ForwardedHeader = 'X-Forwarded-For' | 'Forwarded'

/** What one proxy reports about the sender of its request; undefined if the proxy does not know or hides it. */
interface Hop {
  readonly address: string | undefined
  readonly proto: string | undefined
}

/** The client that sent a request. */
export interface Client {
  /** Undefined if a trusted proxy does not report it. */
  readonly address: string | undefined
  /** All known addresses from the socket's to the client's. */
  readonly hops: readonly [string, ...string[]]
  /** The scheme of the client's request, if the header has it. */
  readonly proto: string | undefined
}

/**
 * Finds the client behind a chain of proxies. It follows the reported hops, nearest first, while the reporting proxy is
 * trusted. The client could have invented anything beyond the first untrusted address.
 */
export function followProxies(
  peer: string,
  reported: Iterable<Hop>,
  isTrusted: (address: string) => boolean,
): Client {
  const hops: [string, ...string[]] = [peer]
  let nearest = peer
  let scheme: string | undefined
  for (const { address, proto } of reported) {
    if (!isTrusted(nearest)) break
    scheme = proto
    if (address === undefined) return { address, hops, proto: scheme }
    hops.push(address)
    nearest = address
  }
  return { address: nearest, hops, proto: scheme }
}

/** Reads the hops of `X-Forwarded-For`, nearest first. Repeated headers form one list. */
export function* readForwardedFor(header: string): Generator<Hop> {
  for (const element of header.split(',').reverse()) {
    const text = element.trim()
    if (text !== '') yield { address: readNode(text), proto: undefined }
  }
}

/**
 * Reads the hops of `Forwarded` (RFC 7239), nearest first. It reads from the end, so that a quotation mark that the
 * client left open cannot swallow what the proxies appended.
 */
export function* readForwarded(header: string): Generator<Hop> {
  for (const element of splitFromEnd(header)) {
    if (element.trim() === '') continue
    const parameters = readParameters(element)
    const node = parameters?.get('for')
    yield {
      address: node === undefined ? undefined : readNode(node),
      proto: parameters?.get('proto')?.toLowerCase(),
    }
  }
}

function* splitFromEnd(header: string): Generator<string> {
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

/** Reads an element's parameters by their lower-case names. @returns undefined if it is malformed or repeats a name. */
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
 * Reads an address as proxies write it: bare, with a port, or in brackets.
 *
 * @returns undefined for `unknown`, for an obfuscated identifier such as `_hidden`, and for anything else.
 */
function readNode(text: string): string | undefined {
  const [, bracketed] = /^\[([^\]]*)\](?::[\w.-]*)?$/.exec(text) ?? []
  if (bracketed !== undefined) return canonicalizeAddress(bracketed)
  // In an IPv6 address without brackets, only a part after all eight groups is recognizable as a port.
  const [, beforePort] = /^([\d.]+|(?:[\da-f]{1,4}:){7}[\da-f]{1,4}):[\w.-]*$/i.exec(text) ?? []
  return canonicalizeAddress(beforePort ?? text)
}
