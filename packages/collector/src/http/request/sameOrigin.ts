import { dashboardSite } from '../../auth/dashboardSession.ts'
import type { Context } from '../context.ts'

/**
 * Returns whether a page of this collector sent the request. On secure connections, browsers send `Sec-Fetch-Site`
 * (Fetch Metadata). Otherwise the host of the `Origin` is compared with the requested one.
 */
export function isSameOrigin(ctx: Context): boolean {
  const site = ctx.get('Sec-Fetch-Site')
  return site === '' ? URL.parse(ctx.get('Origin'))?.host === ctx.host : site === 'same-origin'
}

/** Returns whether a page of the dashboard reports one of the dashboard's own sessions. */
export function isFromDashboard(ctx: Context, site: string): boolean {
  return site === dashboardSite && isSameOrigin(ctx)
}
