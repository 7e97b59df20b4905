import { dashboardSite } from '../../auth/dashboardSession.ts'
import type { Config } from '../../config/config.ts'
import { toError } from '../../domain/thrownError.ts'
import { createSiteMonitor } from '../../reading/siteMonitor.ts'
import type { Store } from '../../store/openStore.ts'
import { type CheckResult, fail, pass } from './checkReport.ts'

/** Computes the alarms. */
export async function checkAlarms(store: Pick<Store, 'sites'>, { sites }: Config): Promise<CheckResult[]> {
  const names = Object.keys(sites).join(', ')
  const monitor = createSiteMonitor({
    sites,
    quietSites: [dashboardSite],
    repository: store.sites,
    clock: Date,
  })
  try {
    const { alarms } = await monitor.read()
    if (alarms.length === 0) return [pass('alarms', names)]
    return alarms.map(({ site, message }) => fail('alarms', site, message))
  } catch (error) {
    return [fail('alarms', names, toError(error).message)]
  }
}
