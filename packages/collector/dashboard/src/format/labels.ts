import type { FlagCounts, SessionEnd } from '../api/types.ts'

/** The order is that of the filter, the legend and the chart, with the most relevant reason first. */
export const reasonLabels = {
  idle_timeout: 'Idle timeout',
  absolute_timeout: 'Absolute timeout',
  browser_closed: 'Browser closed',
  ended_early: 'Ended early',
  logout: 'Logout',
  revoked: 'Revoked',
  displaced: 'Displaced',
  clock_anomaly: 'Clock anomaly',
} as const satisfies Record<SessionEnd['reason'], string>

// Typed as `string[]`, although these are exactly the object's keys.
export const reasons = Object.keys(reasonLabels) as (keyof typeof reasonLabels)[]

export const evidenceLabels = {
  signed: 'Signed',
  self_reported: 'Self-reported',
  server: 'Server',
} as const satisfies Record<SessionEnd['evidence'], string>

export const evidenceKinds = Object.keys(evidenceLabels) as (keyof typeof evidenceLabels)[]

/** The flags that the dashboard counts, with those that ask loudest for a closer look first. */
export const flagLabels = {
  clock_anomaly: 'Clock anomaly',
  conflict: 'Conflict',
  skew: 'Clock skew',
  burst: 'Burst',
  late: 'Late',
  correction: 'Correction',
  self_reported: 'Self-reported',
} as const satisfies Record<keyof FlagCounts, string>

export const flags = Object.keys(flagLabels) as (keyof typeof flagLabels)[]

const parameterLabels = new Map([
  ['site', 'Site'],
  ['reason', 'Reason'],
  ['evidence', 'Evidence'],
  ['subject', 'Subject'],
  ['session', 'Session'],
  ['from', 'From'],
  ['to', 'To'],
  ['cursor', 'Page'],
])

/** Returns the label of the filter field that sets a query parameter of the API. */
export const getParameterLabel = (parameter: string) => parameterLabels.get(parameter) ?? parameter

export const detectionLabels = {
  login_page: 'A page that found no session',
  new_session: 'The next sign-in',
  logout: 'The page, at logout',
  server: 'The application’s server',
  sweep: 'The sweep, because no activity was reported',
} as const satisfies Record<SessionEnd['detectedBy'], string>
