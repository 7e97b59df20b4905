import type { Limits } from './limits.ts'
import type { TicketKey } from './ticket.ts'

/** One audited application: who may report for it, and the limits of its sessions. */
export interface Site extends Limits {
  /** The origins (scheme, host, port) whose pages may report. A `*` stands for one label. */
  readonly origins: readonly string[]
  readonly ticketKeys: readonly TicketKey[]
  readonly requireTicket: boolean
  /** Whether a logout that a browser reports gets a row. */
  readonly recordLogouts: boolean
  /** How often clients report activity, in seconds. Default: 0. */
  readonly heartbeatSeconds?: number | undefined
  /** How much of the sender's address a row keeps: the /24 or /48 network, all of it or nothing. */
  readonly ip: 'truncated' | 'full' | 'none'
}
