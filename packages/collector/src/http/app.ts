import cors from '@koa/cors'
import Router from '@koa/router'
import Koa from 'koa'
import { isAllowedOrigin } from '../domain/origin.ts'
import type { State } from './context.ts'
import type { CollectorParts } from './dependencies.ts'
import { limitCredentials } from './middleware/limitCredentials.ts'
import { problems } from './middleware/problems.ts'
import { rateLimit } from './middleware/rateLimit.ts'
import { requestLog } from './middleware/requestLog.ts'
import { securityHeaders } from './middleware/securityHeaders.ts'
import { cutSlowReaders } from './middleware/slowReaders.ts'
import { getOpenApi } from './openapi/document.ts'
import { clientScript, loadClientScript } from './routes/clientScript.ts'
import { dashboardAsset, dashboardPage, loadDashboard } from './routes/dashboardFiles.ts'
import { getSession, signIn, signOut } from './routes/dashboardSession.ts'
import { getSessionEnd } from './routes/getSessionEnd.ts'
import { getSummary } from './routes/getSummary.ts'
import { healthz, readyz } from './routes/health.ts'
import { listSessionEnds } from './routes/listSessionEnds.ts'
import { getMetrics } from './routes/metrics.ts'
import { reportSessionEnd } from './routes/reportSessionEnd.ts'
import { tagPage } from './routes/tagPage.ts'

/** Puts the endpoints together. It opens nothing and listens to nothing. */
export function createApp(parts: CollectorParts): Koa<State> {
  const { settings, lifecycle } = parts
  const origins = Object.values(settings.sites).flatMap((site) => site.origins)
  const app = new Koa<State>()
  app.silent = true

  app.use(requestLog(parts))
  app.use(cutSlowReaders)
  app.use(async (ctx, next) => {
    await next()
    // A client that is told does not send its next event into a connection that is about to be closed.
    if (lifecycle.isStopping) ctx.set('Connection', 'close')
  })
  app.use(securityHeaders)
  app.use(
    cors({
      origin: (ctx) => (isAllowedOrigin(origins, ctx.get('Origin')) ? ctx.get('Origin') : ''),
      allowMethods: 'POST',
      allowHeaders: 'Content-Type',
      exposeHeaders: 'Retry-After',
      maxAge: 86_400,
    }),
  )
  app.use(problems)
  app.use(limitCredentials())
  const routes = router(parts)
  app.use(routes.routes())
  app.use(routes.allowedMethods())
  return app
}

function router(parts: CollectorParts): Router<State> {
  const { rateLimit: limit } = parts.settings
  const script = loadClientScript()
  const dashboard = loadDashboard()
  const limited = limit ? [rateLimit(limit)] : []
  const routes = new Router<State>()
  routes.get('/healthz', healthz)
  routes.get('/readyz', readyz(parts))
  routes.get('/metrics', getMetrics(parts))
  routes.get('/lapse.js', clientScript(script))
  routes.get('/openapi.json', getOpenApi())
  routes.get('/tag', tagPage(parts, script))
  routes.get('/', dashboardPage(dashboard))
  routes.post('/dashboard/session', ...limited, signIn(parts))
  routes.get('/dashboard/session', getSession(parts))
  routes.delete('/dashboard/session', signOut(parts))
  routes.get('/dashboard/:file', dashboardAsset(dashboard))
  routes.post('/v1/lapses', ...limited, reportSessionEnd(parts))
  routes.get('/v1/lapses', listSessionEnds(parts))
  routes.get('/v1/lapses/:id', getSessionEnd(parts))
  routes.get('/v1/summary', getSummary(parts))
  return routes
}
