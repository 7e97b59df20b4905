import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { findProgram } from '../scripts/findProgram.ts'
import { findFreePort } from './servers.ts'

/** A Redis server of a test, which keeps nothing on the disk. */
export interface TestRedis {
  readonly url: string
  end(): Promise<void>
}

export async function startRedis(): Promise<TestRedis> {
  const port = await findFreePort()
  const options = ['--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--appendonly', 'no']
  const child = spawn(findProgram('redis-server'), options, { stdio: 'ignore' })
  const exited = once(child, 'exit')
  for (let attempt = 0; !(await isOpen(port)); attempt++) {
    if (attempt > 100 || child.exitCode !== null) throw new Error(`Redis did not start on port ${port}.`)
    await sleep(100)
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async end() {
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
