import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { freePort } from './servers.ts'

const examples = fileURLToPath(new URL('../examples', import.meta.url))

/** The commands that start an example, as its README has them. */
const commandsOf = (name: string) => {
  const readme = readFileSync(join(examples, name, 'README.md'), 'utf8')
  return [...readme.matchAll(/```sh\n([\s\S]*?)```/g)]
    .map(([, text = '']) => text)
    .find((text) => text.includes('npm start'))
}

const names = readdirSync(examples).filter(commandsOf)

test.each(names)(
  'the commands in the README of %s start it and its collector',
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const [port, collectorPort] = [await freePort(), await freePort()]
    const collector = `http://127.0.0.1:${collectorPort}`
    const shell = spawn('bash', ['-e', '-c', commandsOf(name) ?? ''], {
      cwd: join(examples, name),
      // A process group of its own, so that what the commands leave in the background ends with them.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_ENV: 'production',
        PORT: `${port}`,
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
      for (const url of [`${collector}/readyz`, `http://127.0.0.1:${port}/login`]) {
        expect(await statusOf(url, () => shell.exitCode !== null), `${url}, ${output}`).toBe(200)
      }
    } finally {
      if (shell.pid) process.kill(-shell.pid, 'SIGTERM')
      await closed
      rmSync(folder, { recursive: true })
    }
  },
  120_000,
)

async function statusOf(url: string, isOver: () => boolean): Promise<number | undefined> {
  for (let attempt = 0; attempt < 400 && !isOver(); attempt++) {
    const response = await fetch(url).catch(() => undefined)
    if (response) return response.status
    await sleep(200)
  }
  return undefined
}
