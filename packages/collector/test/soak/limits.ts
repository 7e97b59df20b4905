import { origin } from '../support/collector.ts'

export const idleTimeoutSeconds = 30
export const heartbeatSeconds = 8
const graceSeconds = idleTimeoutSeconds / 10
/** How long after its expiry a browser's session is recorded. */
export const slackMs = (graceSeconds + heartbeatSeconds) * 1000
/** An outage of this length outlasts the limit and the slack. */
export const longerThanLimitMs = idleTimeoutSeconds * 1000 + slackMs + 4_000

const site = { origins: [origin], idleTimeoutSeconds }

/** The sites of the soak test: `signed` requires tickets, `recording` records logouts. */
export const sites = {
  acme: site,
  recording: { ...site, recordLogouts: true },
  signed: {
    ...site,
    requireTicket: true,
    ticketKeys: [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }],
  },
}
export type SiteName = keyof typeof sites
