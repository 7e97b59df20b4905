import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type ListeningServer, listen } from '../../../../test/listen.ts'

interface ReceivedMessage {
  /** The header `webhook-id`. */
  readonly id: string
  readonly session: string
  readonly revision: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Respond = (message: ReceivedMessage, response: ServerResponse) => unknown

/** A server that receives webhooks. It confirms every message unless a test changes that. */
export interface WebhookReceiver extends ListeningServer {
  /** All messages, in the order of their arrival, confirmed or not. */
  readonly received: ReceivedMessage[]
  /** The highest number of messages that were waiting for a response at the same time. */
  readonly maxWaiting: number
  respondWith(respond: Respond): void
}

const confirm: Respond = (_, response) => response.writeHead(204).end()

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedMessage[] = []
  let respond = confirm
  let waiting = 0
  let maxWaiting = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    maxWaiting = Math.max(maxWaiting, ++waiting)
    const body = await text(request)
    const { session, revision } = JSON.parse(body).data
    const message = {
      id: String(request.headers['webhook-id']),
      session,
      revision,
      headers: request.headers,
      body,
    }
    received.push(message)
    response.on('close', () => waiting--)
    await respond(message, response)
  }
  const server = await listen(createServer((request, response) => void answer(request, response)))
  return {
    ...server,
    received,
    get maxWaiting() {
      return maxWaiting
    },
    respondWith(next) {
      respond = next
    },
  }
}
