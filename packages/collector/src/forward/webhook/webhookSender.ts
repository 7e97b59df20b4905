import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { describeConnectionFailure } from '../describeConnectionFailure.ts'
import { DeliveryError, type Sender } from '../sender.ts'
import { sendInOrder } from '../sendInOrder.ts'
import { parseRetryAfter } from './parseRetryAfter.ts'
import { createMessage, createSigner } from './webhookMessage.ts'

/** A receiver of webhooks. */
export interface WebhookTarget {
  readonly url: string
  /** Signs the messages. */
  readonly secret?: string | undefined
  /** The value of the `Authorization` header. */
  readonly authorization?: string | undefined
}

/** Standard Webhooks recommends 15 to 30 seconds. Stopping a collector waits for a request, but not for longer. */
const timeoutMs = 10_000
/** Only the status counts. The rest of a longer response is not read. */
const maxResponseBytes = 64 * 1024
const concurrency = 8
/** After a crash, at most this many rows are sent again. */
const batchSize = 50

/** Sends each row as a request. A response with a status from 200 to 299 confirms it. */
export function createWebhookSender(target: WebhookTarget): Sender {
  const sendRow = createRowSender(target)
  let hasFailed = false
  return {
    batchSize,
    async send(rows, signal) {
      // While the receiver is unavailable, each attempt is a single request.
      const probed = hasFailed ? rows.slice(0, 1) : []
      const probe = await sendInOrder(probed, { concurrency: 1, signal, sendRow })
      const remaining = [...probe.undelivered, ...rows.slice(probed.length)]
      if (probe.failure) return { undelivered: remaining, failure: probe.failure }
      const result = await sendInOrder(remaining, { concurrency, signal, sendRow })
      hasFailed = result.failure !== undefined
      return result
    },
  }
}

function createRowSender({ url, secret, authorization }: WebhookTarget) {
  const sign = secret === undefined ? undefined : createSigner(secret)
  const constantHeaders = {
    'Content-Type': 'application/json',
    'User-Agent': 'Lapse',
    ...(authorization !== undefined && { Authorization: authorization }),
  }

  return async (row: ListedSessionEnd): Promise<DeliveryError | undefined> => {
    const message = createMessage(row)
    const sentAt = new Date()
    const headers = {
      ...constantHeaders,
      'webhook-id': message.id,
      'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
      ...(sign && { 'webhook-signature': sign(message, sentAt) }),
    }
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: message.body,
        redirect: 'manual',
        signal,
      })
      await readBody(response)
      return describeRefusal(response)
    } catch (error) {
      return signal.aborted
        ? new DeliveryError(`The receiver has not answered within ${timeoutMs / 1000} seconds.`)
        : describeConnectionFailure(error)
    }
  }
}

/** Reads the response, so that the connection can be used again. */
async function readBody({ body }: Response): Promise<void> {
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      // Leaving the loop closes the connection.
      if (bytes > maxResponseBytes) return
    }
  } catch {
    // The status has arrived, and only that counts.
  }
}

function describeRefusal({ ok, status, headers }: Response): DeliveryError | undefined {
  if (ok) return undefined
  const isRedirect = status >= 300 && status < 400 && headers.has('location')
  return new DeliveryError(
    isRedirect
      ? `The receiver responded with status ${status}, a redirect, which is not followed. Correct the URL.`
      : `The receiver responded with status ${status}.`,
    { retryAfterMs: parseRetryAfter(headers.get('retry-after'), Date.now()) },
  )
}
