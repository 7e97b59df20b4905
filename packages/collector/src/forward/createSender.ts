import type { Sender } from './sender.ts'
import { createSyslogSender, type SyslogTarget } from './syslog/syslogSender.ts'
import { createWebhookSender, type WebhookTarget } from './webhook/webhookSender.ts'

/** A receiver of rows. */
export type ForwardTarget =
  | ({ readonly type: 'webhook' } & WebhookTarget)
  | ({ readonly type: 'syslog' } & SyslogTarget)

/** To add a kind of destination, add it here and to the configuration schema. */
export function createSender(target: ForwardTarget): Sender {
  return target.type === 'webhook' ? createWebhookSender(target) : createSyslogSender(target)
}
