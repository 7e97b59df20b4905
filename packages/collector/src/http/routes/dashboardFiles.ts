import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'

/** The dashboard as Vite has built it, in memory: its page, and the files that are named by their hash. */
export interface DashboardFiles {
  readonly page: File
  readonly assets: ReadonlyMap<string, File>
}

interface File {
  readonly type: string
  readonly body: Buffer
  readonly zipped: Buffer
}

// The same from `src/http/`, when the sources run, as from `dist/http/`.
const folder = new URL('../../../dist/dashboard/', import.meta.url)

/** Reads the dashboard, or nothing where it has not been built. */
export function loadDashboard(): DashboardFiles | undefined {
  try {
    const names = readdirSync(new URL('dashboard/', folder))
    return {
      page: readFile('index.html'),
      assets: new Map(names.map((name) => [name, readFile(`dashboard/${name}`)])),
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function readFile(name: string): File {
  const body = readFileSync(new URL(name, folder))
  return { type: extname(name), body, zipped: gzipSync(body, { level: 9 }) }
}

/** What it is made of comes from here, and nothing else runs, loads, frames it or is sent anywhere. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** `GET /`: the dashboard. */
export function dashboardPage(dashboard: DashboardFiles | undefined): Middleware {
  return (ctx) => {
    if (!dashboard)
      throw new LapseError('not-found', 'The dashboard has not been built. In a checkout, run: pnpm build')
    ctx.set('Content-Security-Policy', policy)
    ctx.set('Cache-Control', 'no-cache')
    send(ctx, dashboard.page)
  }
}

/** `GET /dashboard/:file`: a part of it. Another version has another name, so it is kept for good. */
export function dashboardAsset(dashboard: DashboardFiles | undefined): Middleware {
  return (ctx) => {
    const file = dashboard?.assets.get(ctx.params.file)
    if (!file) throw new LapseError('not-found', 'The dashboard has no such file. Load its page again: GET /')
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable')
    send(ctx, file)
  }
}

function send(ctx: Parameters<Middleware>[0], { type, body, zipped }: File): void {
  ctx.vary('Accept-Encoding')
  ctx.type = type
  if (ctx.acceptsEncodings('gzip', 'identity') === 'gzip') {
    ctx.set('Content-Encoding', 'gzip')
    ctx.body = zipped
  } else {
    ctx.body = body
  }
}
