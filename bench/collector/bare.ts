// Candidates (a) and (b) of bench/collector.ts, which runs this file: the least that a collector could do.
import { createServer } from 'node:http'
import Router from '@koa/router'
import Koa from 'koa'
import { createPool } from 'mysql2/promise'
import getRawBody from 'raw-body'

const { PORT, DATABASE_URL } = process.env

const routes = new Router()
const pool = DATABASE_URL ? createPool({ uri: DATABASE_URL, connectionLimit: 10, timezone: 'Z' }) : undefined

routes.post('/v1/lapses', async (ctx) => {
  const report = JSON.parse(await getRawBody(ctx.req, { encoding: 'utf8', limit: 8192 }))
  if (pool) {
    const now = new Date()
    await pool.execute(
      `insert into session_audit (site, session_key, marker, session, subject, reason, evidence, detected_by,
         started_at, last_access_at, expired_at, detected_at, received_at, elapsed_ms, idle_timeout_seconds,
         clock_skew_ms, browser_restarted, origin, ip, user_agent, client_version)
       values (?, ?, ?, ?, ?, 'idle_timeout', 'self_reported', ?, ?, ?, ?, ?, ?, ?, 1800, 0, 0, ?, '127.0.0.0', ?, ?)`,
      [
        report.site,
        report.session,
        report.marker,
        report.session,
        report.subject,
        report.detectedBy,
        new Date(report.startedAt),
        new Date(report.lastAccessAt),
        new Date(report.lastAccessAt + 1_800_000),
        new Date(report.detectedAt),
        now,
        report.detectedAt - report.lastAccessAt,
        ctx.get('Origin'),
        ctx.get('User-Agent'),
        report.client,
      ],
    )
  }
  ctx.status = 201
  ctx.body = { id: 1, reason: 'idle_timeout', elapsedMs: 1, idleTimeoutSeconds: 1800, duplicate: false }
})

const app = new Koa()
app.use(routes.routes())

createServer(app.callback()).listen(Number(PORT), '127.0.0.1')
