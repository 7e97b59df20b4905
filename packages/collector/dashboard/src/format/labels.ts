import type { Row } from '../api/fetchJson.ts'

/** The reasons in the order in which they are shown, the most telling first. */
export const reasonNames = {
  idle_timeout: 'Idle timeout',
  absolute_timeout: 'Absolute timeout',
  browser_closed: 'Browser closed',
  ended_early: 'Ended early',
  logout: 'Logout',
  revoked: 'Revoked',
  displaced: 'Displaced',
  clock_anomaly: 'Clock anomaly',
} as const satisfies Record<Row['reason'], string>

export const reasons = Object.keys(reasonNames) as (keyof typeof reasonNames)[]

export const evidenceNames = {
  signed: 'Signed',
  self_reported: 'Self-reported',
  server: 'Server',
} as const satisfies Record<Row['evidence'], string>

export const evidences = Object.keys(evidenceNames) as (keyof typeof evidenceNames)[]

const fieldNames = new Map(
  Object.entries({
    site: 'Site',
    reason: 'Reason',
    evidence: 'Evidence',
    subject: 'Subject',
    session: 'Session',
    from: 'From',
    to: 'Before',
    cursor: 'Page',
  }),
)

/** What stands on the screen for a parameter of the API. */
export const fieldName = (parameter: string) => fieldNames.get(parameter) ?? parameter
