import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { describe, expect, inject, test } from 'vitest'
import { createDatabase } from './databases.ts'
import { freePort } from './servers.ts'

const script = fileURLToPath(new URL('../scripts/demo.ts', import.meta.url))

function demo(...args: string[]): Promise<{ status: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, output: stdout + stderr }),
    )
  })
}

describe('the demo', () => {
  test.each(inject('databaseServers'))('plays its story to the row, on $name', async (server) => {
    const database = await createDatabase(server)
    const port = await freePort()
    const { status, output } = await demo('--play', '--port', `${port}`, '--database', database.url)
    expect(output).toMatch(
      /row 1 +idle_timeout +u_1001 +signed +last seen \d\d:\d\d:\d\d, expired \d\d:\d\d:\d\d/,
    )
    expect(status).toBe(0)
    expect(await database.rows()).toHaveLength(1)
    await database.drop()
  })

  test('says what to do when a port is taken', async () => {
    const port = await freePort()
    const taken = createServer().listen(port, '127.0.0.1')
    await once(taken, 'listening')
    const { status, output } = await demo('--port', `${port}`)
    taken.close()
    expect(status).toBe(1)
    expect(output).toMatch(`Port ${port} on 127.0.0.1 is taken`)
  })

  test('says how it is used when it is used wrongly', async () => {
    const { status, output } = await demo('--prot', '5000')
    expect(status).toBe(2)
    expect(output).toMatch('--port PORT')
  })
})
