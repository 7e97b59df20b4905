import { dashboardSite, type SessionLimits } from '../auth/dashboardSession.ts'
import type { CheckedSite } from './siteSchema.ts'

const defaultAbsoluteTimeoutSeconds = 12 * 3600

/** The site that audits the dashboard's own sessions, unless the configuration has one of that name. */
export const defaultDashboardSite: CheckedSite = {
  // The dashboard's pages have the collector's own origin.
  origins: [],
  idleTimeoutSeconds: 15 * 60,
  absoluteTimeoutSeconds: defaultAbsoluteTimeoutSeconds,
  ticketKeys: [],
  requireTicket: true,
  recordLogouts: true,
  refreshSeconds: 0,
  ip: 'truncated',
}

/** Reads how long a dashboard session lasts from the site `lapse`. */
export function getDashboardLimits(sites: Readonly<Record<string, CheckedSite>>): SessionLimits {
  const site = sites[dashboardSite] ?? defaultDashboardSite
  return {
    idleTimeoutSeconds: site.idleTimeoutSeconds,
    absoluteTimeoutSeconds: site.absoluteTimeoutSeconds ?? defaultAbsoluteTimeoutSeconds,
    graceSeconds: site.graceSeconds,
  }
}
