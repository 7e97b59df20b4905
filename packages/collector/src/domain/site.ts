import type { TicketKey } from './ticket.ts'
import type { Limits } from './verdict.ts'

/** One audited application: who may report for it, and by what its sessions are judged. */
export interface Site extends Limits {
  /** The origins (scheme, host, port) whose pages may report; a `*` stands for one label. */
  readonly origins: readonly string[]
  readonly ticketKeys: readonly TicketKey[]
  readonly requireTicket: boolean
  /** How much of a client's address a row keeps: its /24 or /48, all or nothing. */
  readonly ip: 'truncated' | 'full' | 'none'
}
