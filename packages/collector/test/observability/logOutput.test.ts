import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { startLapseServe } from '../../../../test/collector.ts'
import { createDatabase } from '../../../../test/databases.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { createReport, origin, postReport } from '../support/collector.ts'
import { writeConfigIn } from '../support/command.ts'

/** Opens files to which nothing, or at most 64 KiB, can be written. */
const outputs = {
  'the disk is full': () => openSync('/dev/full', constants.O_WRONLY),
  'nobody reads the pipe'(folder: string) {
    const path = join(folder, 'pipe')
    execFileSync(findProgram('mkfifo'), [path])
    // A pipe that is also open for reading can be written to until it is full.
    return openSync(path, constants.O_RDWR)
  },
}

test.each(Object.entries(outputs))(
  'The collector keeps working if its log cannot be written because %s',
  async (_, openOutput) => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const database = await createDatabase({ name: 'SQLite' }, folder)
    onTestFinished(database.drop)
    const port = await findFreePort()
    const url = `http://127.0.0.1:${port}`
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    const configFile = writeConfigIn(folder, {
      database: database.url,
      listen: { port },
      rateLimit: false,
      sites,
    })
    const output = openOutput(folder)
    onTestFinished(() => closeSync(output))
    const collector = await startLapseServe(configFile, url, {}, undefined, output)
    onTestFinished(() => void collector.kill('SIGKILL'))

    const countDropped = async () => {
      const metrics = await (await fetch(`${url}/metrics`)).text()
      return Number(/^lapse_log_lines_dropped_total (\d+)/m.exec(metrics)?.[1])
    }
    expect(await countDropped()).toBe(0)
    // More than one MiB of log, in some 3,000 lines.
    const path = `${url}/${'long'.repeat(50)}`
    for (let round = 0; round < 130; round++)
      await Promise.all(Array.from({ length: 40 }, async () => (await fetch(path)).text()))
    expect(await countDropped()).toBeGreaterThan(100)
    expect((await postReport(url, createReport(), { Origin: origin })).status).toBe(201)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)

    const startedAt = performance.now()
    collector.kill('SIGTERM')
    const [status] = await once(collector, 'exit')
    expect(status).toBe(0)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  },
)
