import { env } from 'node:process'

/** What an example needs to know about its collector and its sessions. */
export interface AppOptions {
  /** The collector's origin, such as `http://127.0.0.1:4780`. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
  /** Signs the tickets. At least 32 bytes; the collector's configuration names the same secret. */
  readonly ticketSecret: string
}

/**
 * Reads the options from the environment. The idle timeout is the one in each example's `lapse.config.json`.
 *
 * @throws if `LAPSE_TICKET_SECRET` is not set.
 */
export function readOptions(): AppOptions & { readonly port: number; readonly token: string | undefined } {
  const {
    LAPSE_TOKEN: token,
    LAPSE_COLLECTOR: collector = 'http://127.0.0.1:4780',
    LAPSE_TICKET_SECRET: ticketSecret,
    PORT: port = '4781',
  } = env
  if (!ticketSecret) {
    throw new Error('Set LAPSE_TICKET_SECRET to the secret that the collector uses (at least 32 bytes).')
  }
  return { collector, idleTimeoutSeconds: 60, ticketSecret, port: Number(port), token }
}
