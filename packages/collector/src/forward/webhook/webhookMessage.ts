import { Webhook } from 'standardwebhooks'
import { escapeUnsafe } from '../../domain/text/plainText.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'

/** A message as Standard Webhooks defines it: https://www.standardwebhooks.com */
interface WebhookMessage {
  /** The same for each attempt to send a row, so that the receiver can recognize repeats. */
  readonly id: string
  readonly body: string
}

export function createMessage(row: ListedSessionEnd): WebhookMessage {
  return {
    // The time makes the id unique even if the table is created again.
    id: `lapse_${row.id}_${row.receivedAt.getTime()}`,
    body: escapeUnsafe(JSON.stringify({ type: 'session.ended', timestamp: row.detectedAt, data: row })),
  }
}

/** Signs a message for one attempt. */
type Sign = (message: WebhookMessage, sentAt: Date) => string

/** @param secret `whsec_` and base64, or any other text, whose bytes are then the key. */
export function createSigner(secret: string): Sign {
  const webhook = secret.startsWith('whsec_')
    ? new Webhook(secret)
    : new Webhook(Buffer.from(secret), { format: 'raw' })
  return ({ id, body }, sentAt) => webhook.sign(id, sentAt, body)
}
