import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { findProgram } from '../../../scripts/findProgram.ts'
import { findFreePort } from '../../../test/servers.ts'

/** Starts a Redis of the test's own, which keeps nothing on the disk. */
export async function startRedis(): Promise<{ store(prefix: string): RedisStore; end(): Promise<void> }> {
  const port = await findFreePort()
  const options = ['--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--appendonly', 'no']
  const child = spawn(findProgram('redis-server'), options, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  for (let attempt = 0; !(await isOpen(port)); attempt++) {
    if (attempt > 100 || child.exitCode !== null) throw new Error(`Redis did not start on port ${port}.`)
    await sleep(100)
  }
  const client = await createClient({ url: `redis://127.0.0.1:${port}` }).connect()
  return {
    store: (prefix) => new RedisStore({ client, prefix }),
    async end() {
      await client.close()
      child.kill()
      await exited
    },
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const finish = (open: boolean) => {
      socket.destroy()
      resolve(open)
    }
    socket.on('connect', () => finish(true)).on('error', () => finish(false))
  })
}
