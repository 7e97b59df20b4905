import { once } from 'node:events'
import { type IncomingMessage, request as sendRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'

interface ForwardedAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** Sends a request on to the collector, and returns the complete answer. */
export async function forwardRequest(
  collectorUrl: string,
  { url = '/', method, headers }: IncomingMessage,
  body: Buffer,
): Promise<ForwardedAnswer> {
  const forwarded = sendRequest(collectorUrl + url, { method, headers, agent: false })
  forwarded.end(body)
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage]
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) }
}
