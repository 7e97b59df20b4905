import type { Route } from './route.ts'
import { clientScript } from './routes/clientScript.ts'
import { countLiveSessions } from './routes/countLiveSessions.ts'
import { dashboardAsset, dashboardPage } from './routes/dashboard.ts'
import { getSession, signIn, signOut } from './routes/dashboardSession.ts'
import { getSessionEnd } from './routes/getSessionEnd.ts'
import { getSummary } from './routes/getSummary.ts'
import { health, readiness } from './routes/health.ts'
import { listAlarms } from './routes/listAlarms.ts'
import { listLiveSessions } from './routes/listLiveSessions.ts'
import { listSessionEnds } from './routes/listSessionEnds.ts'
import { listSites } from './routes/listSites.ts'
import { listUserHistory } from './routes/listUserHistory.ts'
import { metrics } from './routes/metrics.ts'
import { createOpenApiRoute } from './routes/openApi.ts'
import { reportActivity } from './routes/reportActivity.ts'
import { reportSessionEnd } from './routes/reportSessionEnd.ts'
import { tagPage } from './routes/tagPage.ts'

const describedRoutes: readonly Route[] = [
  reportSessionEnd,
  reportActivity,
  listLiveSessions,
  listUserHistory,
  listSessionEnds,
  getSessionEnd,
  getSummary,
  listSites,
  listAlarms,
  clientScript,
  tagPage,
  dashboardPage,
  signIn,
  getSession,
  signOut,
  countLiveSessions,
  dashboardAsset,
  health,
  readiness,
  metrics,
]

/** All endpoints of the collector. To add one, write a `Route` in a file of routes/ and list it above. */
export const routes: readonly Route[] = [...describedRoutes, createOpenApiRoute(describedRoutes)]
