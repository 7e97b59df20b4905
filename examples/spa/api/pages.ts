import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import Router from '@koa/router'

/** Serves the built pages. Every path that is neither a file nor part of the API belongs to the page's own router. */
export function servePages(folder: string): Router {
  const router = new Router()
  router.get(/^\/assets\/([\w-]+\.(?:js|css))$/, async (ctx) => {
    const [file = ''] = ctx.captures ?? []
    ctx.type = file.slice(file.lastIndexOf('.'))
    // Vite puts a hash of the content into each file name.
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
    ctx.body = await readFile(join(folder, 'assets', file))
  })
  router.get(/^\/(?!api\/|assets\/)/, async (ctx) => {
    ctx.type = 'html'
    ctx.set('Cache-Control', 'no-cache')
    ctx.body = await readFile(join(folder, 'index.html'))
  })
  return router
}
