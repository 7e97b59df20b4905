import { env } from 'node:process'
import { createLapseServer } from '@lapse/server'

// A process that makes reports which nobody accepts, until it is killed.

const lapse = createLapseServer({
  site: env.SITE ?? 'acme',
  collector: env.LAPSE_COLLECTOR ?? '',
  token: env.LAPSE_TOKEN,
  idleTimeoutSeconds: 1800,
  queue: env.QUEUE,
})
lapse.on('error', () => {})
for (let number = 0; number < Number(env.COUNT); number++) {
  lapse.ended({ session: `${env.NAME}${number}`, subject: 'u_42', reason: 'revoked' })
}
setInterval(() => {}, 1000)
