import cors from '@koa/cors'
import Router from '@koa/router'
import Koa from 'koa'
import { daySeconds } from '../domain/durations.ts'
import { isAllowedOrigin } from '../domain/origin.ts'
import type { Middleware, State } from './context.ts'
import type { Dependencies } from './dependencies.ts'
import { closeWhenStopping } from './middleware/closeWhenStopping.ts'
import { disconnectSlowReaders } from './middleware/disconnectSlowReaders.ts'
import { handleErrors } from './middleware/handleErrors.ts'
import { identifyRequest } from './middleware/identifyRequest.ts'
import { limitCredentials } from './middleware/limitCredentials.ts'
import { limitRequests } from './middleware/limitRequests.ts'
import { logRequests } from './middleware/logRequests.ts'
import { setSecurityHeaders } from './middleware/setSecurityHeaders.ts'
import { validateRequest } from './middleware/validateRequest.ts'
import type { Route } from './route.ts'
import { routes } from './routes.ts'

/** Creates the HTTP application. It opens no port and no connection. */
export function createApp(dependencies: Dependencies): Koa<State> {
  const { settings } = dependencies
  const origins = Object.values(settings.sites).flatMap((site) => site.origins)
  const app = new Koa<State>()
  app.silent = true

  app.use(identifyRequest(dependencies))
  app.use(logRequests(dependencies))
  app.use(disconnectSlowReaders)
  app.use(closeWhenStopping(dependencies))
  app.use(setSecurityHeaders)
  app.use(
    cors({
      origin: (ctx) => (isAllowedOrigin(origins, ctx.get('Origin')) ? ctx.get('Origin') : ''),
      allowMethods: 'POST',
      allowHeaders: 'Content-Type',
      exposeHeaders: 'Retry-After',
      maxAge: daySeconds,
    }),
  )
  app.use(handleErrors)
  app.use(validateRequest)
  app.use(limitCredentials())
  const router = createRouter(routes, dependencies)
  app.use(router.routes())
  app.use(router.allowedMethods())
  return app
}

function createRouter(routes: readonly Route[], dependencies: Dependencies): Router<State> {
  const { rateLimit: limit } = dependencies.settings
  // Routes with a rate limit share one count.
  const limited = limit ? [limitRequests(limit)] : []
  const router = new Router<State>()
  for (const { method, path, isRateLimited, cacheControl, handler } of routes) {
    const before = [
      ...(isRateLimited ? limited : []),
      ...(cacheControl ? [setCacheControl(cacheControl)] : []),
    ]
    router[method](path, ...before, handler(dependencies))
  }
  return router
}

function setCacheControl(value: string): Middleware {
  return (ctx, next) => {
    ctx.set('Cache-Control', value)
    return next()
  }
}
