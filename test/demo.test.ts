import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, test } from 'vitest'
import { createDatabase } from './databases.ts'
import { findFreePort } from './servers.ts'

const script = fileURLToPath(new URL('../demo/demo.ts', import.meta.url))

function runDemo(...args: string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}

describe('The demo', () => {
  test.each(inject('databaseServers'))('plays a session up to its audit row, on $name', async (server) => {
    const database = await createDatabase(server)
    const port = await findFreePort()
    const { status, output } = await runDemo('--play', '--port', `${port}`, '--database', database.url)
    expect(output).toMatch(
      /row 1 +idle_timeout +u_1001 +signed +last used \d\d:\d\d:\d\d, expired \d\d:\d\d:\d\d/,
    )
    expect(status).toBe(0)
    expect(await database.readRows()).toHaveLength(1)
    await database.drop()
  })

  test('says what to do when a port is already in use', async () => {
    const port = await findFreePort()
    const blocker = createServer().listen(port, '127.0.0.1')
    await once(blocker, 'listening')
    const { status, output } = await runDemo('--port', `${port}`)
    blocker.close()
    expect(status).toBe(1)
    expect(output).toMatch(`Port ${port} on 127.0.0.1 is already in use`)
  })

  test('prints its usage and exits with status 2 for an unknown option', async () => {
    const { status, output } = await runDemo('--prot', '5000')
    expect(status).toBe(2)
    expect(output).toMatch('--port PORT')
  })
})
