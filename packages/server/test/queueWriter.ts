import { chdir, env, exit } from 'node:process'
import { isMainThread, Worker } from 'node:worker_threads'
import { createLapseServer } from '@lapse/server'

// A process that makes reports, until it is killed. It may do so in threads, or exit at once.

if (env.THREADS && isMainThread) {
  for (const thread of env.THREADS.split(',')) {
    new Worker(new URL(import.meta.url), { env: { ...env, NAME: thread } })
  }
} else {
  const lapse = createLapseServer({
    site: env.SITE ?? 'acme',
    collector: env.LAPSE_COLLECTOR ?? '',
    token: env.LAPSE_TOKEN,
    idleTimeoutSeconds: 1800,
    queue: env.QUEUE,
  })
  lapse.on('error', () => {})
  if (env.CHANGE_DIRECTORY) chdir('/')
  for (let number = 0; number < Number(env.COUNT); number++) {
    lapse.ended({ session: `${env.NAME}${number}`, subject: 'u_42', reason: 'revoked' })
  }
  if (env.EXIT) exit()
}
setInterval(() => {}, 1000)
