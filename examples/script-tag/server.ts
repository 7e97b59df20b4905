import { env } from 'node:process'
import { createApp } from './app.ts'

const { LAPSE_TICKET_SECRET: ticketSecret, LAPSE_COLLECTOR: collector = 'http://127.0.0.1:4780' } = env
if (!ticketSecret)
  throw new Error('Set LAPSE_TICKET_SECRET to the secret of at least 32 bytes that the collector has too.')

const { app } = createApp({ site: 'demo', collector, idleTimeoutSeconds: 60, ticketSecret })
const port = Number(env.PORT ?? 4781)
app.listen(port, '127.0.0.1', () => console.log(`The application is on http://127.0.0.1:${port}`))
