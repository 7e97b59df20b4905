import type { LapseServer } from './lapseServer.ts'
import { checkOptions, type LapseServerOptions } from './options.ts'
import { Reporter } from './reporter.ts'

/**
 * Creates the reporter of one site. Create one per process, and close it when the process stops.
 *
 * @throws {LapseServerError} `invalid_option`
 *
 * @example
 * ```ts
 * import { createLapseServer } from '@lapse/server'
 *
 * const lapse = createLapseServer({
 *   site: 'acme',
 *   collector: 'https://lapse.acme.com',
 *   token: process.env.LAPSE_TOKEN,
 *   ticketSecret: process.env.LAPSE_TICKET_SECRET,
 *   idleTimeoutSeconds: 1800,
 * })
 * ```
 */
export function createLapseServer(options: LapseServerOptions): LapseServer {
  return new Reporter(checkOptions(options))
}
