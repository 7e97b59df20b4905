import { env } from 'node:process'
import { fileURLToPath } from 'node:url'
import { createApp } from './api/app.ts'

const { LAPSE_TICKET_SECRET: ticketSecret, LAPSE_COLLECTOR: collector = 'http://127.0.0.1:4780' } = env
if (!ticketSecret)
  throw new Error('Set LAPSE_TICKET_SECRET to the secret of at least 32 bytes that the collector has too.')

const pages = fileURLToPath(new URL('dist', import.meta.url))
const port = Number(env.PORT ?? 4781)
createApp({ collector, idleTimeoutSeconds: 60, ticketSecret, pages }).listen(port, '127.0.0.1', () =>
  console.log(`The application is on http://127.0.0.1:${port}`),
)
