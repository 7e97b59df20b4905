import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readCodeBlocks } from './markdown.ts'
import { root } from './root.ts'
import { findFreePort } from './servers.ts'

/** The commands in the README of each example that start it. */
const startCommands = readCodeBlocks()
  .filter(({ file, code }) => file.startsWith('examples/') && /^npm start\b/m.test(code))
  .map(({ file, code }) => ({ folder: dirname(file), code }))

test.each(startCommands)(
  'The commands in the README of $folder start the application and its collector',
  async ({ folder: example, code }) => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const [port, collectorPort, providerPort] = [
      await findFreePort(),
      await findFreePort(),
      await findFreePort(),
    ]
    const collector = `http://127.0.0.1:${collectorPort}`
    const shell = spawn('bash', ['-e', '-c', code], {
      cwd: join(root, example),
      // In a new process group, so that background processes can be stopped with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        PORT: `${port}`,
        PROVIDER_PORT: `${providerPort}`,
        LAPSE_PORT: `${collectorPort}`,
        LAPSE_COLLECTOR: collector,
        LAPSE_DATABASE_URL: `sqlite:${join(folder, 'lapse.sqlite')}`,
      },
    })
    let output = ''
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    const closed = once(shell, 'close')
    try {
      for (const url of [`${collector}/readyz`, `http://127.0.0.1:${port}/`]) {
        expect(await waitForStatus(url, () => shell.exitCode !== null), `${url}, ${output}`).toBeLessThan(400)
      }
    } finally {
      if (shell.pid) process.kill(-shell.pid, 'SIGTERM')
      await closed
      rmSync(folder, { recursive: true })
    }
  },
  120_000,
)

async function waitForStatus(url: string, hasExited: () => boolean): Promise<number | undefined> {
  for (let attempt = 0; attempt < 400 && !hasExited(); attempt++) {
    const response = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (response) return response.status
    await sleep(200)
  }
  return undefined
}
