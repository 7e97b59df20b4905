import { execFileSync, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DroppedReports } from '@lapse/server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'
import { createFolderPath, kill, listFiles, readAliases, readFiles, spawnWriter } from './queueProcesses.ts'

let environment: Environment
let folder: string
beforeAll(async () => {
  environment = await startEnvironment()
})
beforeEach(() => {
  folder = createFolderPath()
  environment.proxy.fail(() => 'cut before')
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

const countLines = () => readFiles(folder).split('\n').length - 1

describe('If the folder cannot be used,', () => {
  test('close says which reports are lost', async () => {
    writeFileSync(folder, 'a file in the way')
    const lapse = environment.createLapse({ queue: folder })
    const dropped: DroppedReports[] = []
    lapse.on('dropped', (reports) => dropped.push(reports))
    lapse.ended({ session: 'a', reason: 'logout' })
    await expect.poll(() => lapse.errors.some(({ code }) => code === 'queue_unavailable')).toBe(true)
    await lapse.close({ timeoutMs: 600 })
    expect(dropped).toMatchObject([{ reason: 'closed', reports: [{ session: 'a' }] }])
  })

  test('close tries again until the collector is back', async () => {
    writeFileSync(folder, 'a file in the way')
    const lapse = environment.createLapse({ queue: folder })
    lapse.ended({ session: 'a', reason: 'logout' })
    await expect.poll(() => lapse.errors.some(({ code }) => code === 'queue_unavailable')).toBe(true)
    const closed = lapse.close()
    await sleep(300)
    environment.proxy.fail(undefined)
    await closed
    expect(lapse.health()).toMatchObject({ reported: 1, dropped: 0 })
  })

  test('the file is complete again as soon as it can be', async () => {
    const lapse = environment.createLapse({ queue: folder })
    const getQueueErrors = () => lapse.errors.filter(({ code }) => code === 'queue_unavailable')
    for (const session of ['a', 'b']) lapse.ended({ session, reason: 'logout' })
    await expect.poll(() => readFiles(folder)).toContain('"b"')
    // As after a write that failed in the middle of a line.
    const [file = ''] = listFiles(folder)
    truncateSync(file, statSync(file).size - 10)
    renameSync(folder, `${folder}.away`)
    writeFileSync(folder, 'a file in the way')
    lapse.ended({ session: 'c', reason: 'logout' })
    await expect.poll(getQueueErrors).toHaveLength(1)
    rmSync(folder)
    renameSync(`${folder}.away`, folder)
    lapse.ended({ session: 'd', reason: 'logout' })
    await expect.poll(() => readFiles(folder), { timeout: 30_000 }).toContain('"d"')
    await lapse.close({ timeoutMs: 300 })
    expect(lapse.health().dropped).toBe(0)
    environment.proxy.fail(undefined)
    environment.createLapse({ queue: folder })
    expect(readAliases(await environment.waitForRows(4))).toEqual(['a', 'b', 'c', 'd'])
  })

  test('close returns in time, even if the file system does not answer', async () => {
    const lapse = environment.createLapse({ queue: folder })
    const fifo = join(dirname(folder), 'fifo')
    execFileSync('mkfifo', [fifo])
    // Occupies all threads that work on files: a pipe opens when somebody writes to it.
    const threads = Number(process.env.UV_THREADPOOL_SIZE ?? 4)
    const hanging = Array.from({ length: threads }, () => open(fifo, 'r'))
    try {
      lapse.ended({ session: 'a', reason: 'logout' })
      const startedAt = performance.now()
      await lapse.close({ timeoutMs: 1000 })
      expect(performance.now() - startedAt).toBeLessThan(3000)
      expect(lapse.errors.map(({ code }) => code)).toContain('queue_unavailable')
      expect(lapse.health().dropped).toBe(1)
    } finally {
      const writer = openSync(fifo, 'r+')
      for (const handle of await Promise.all(hanging)) await handle.close()
      closeSync(writer)
    }
  })
})

test.skipIf(process.getuid?.() !== 0)(
  'On a full disk, a file that was taken over stays until its reports are in another one',
  async ({ skip }) => {
    mkdirSync(folder)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder])
    skip(mounted.status !== 0, 'A container may not mount.')
    try {
      const lines = Array.from({ length: 300 }, (_, id) => {
        const body = { session: `a${id}`, subject: 'u_42', reason: 'revoked', detectedAt: Date.now() }
        return `${JSON.stringify({ id, report: { kind: 'end', body } })}\n`
      })
      const left = join(folder, 'acme.0.nobody.1.ndjson')
      writeFileSync(left, lines.join(''))
      // While it is open, its deletion frees no space.
      const descriptor = openSync(left, 'r')
      const writer = spawnWriter(folder, { COUNT: '0' })
      await expect.poll(() => listFiles(folder)).not.toContain(left)
      await sleep(500)
      await kill(writer)
      closeSync(descriptor)
      execFileSync('mount', ['-o', 'remount,size=1m', folder])
      environment.proxy.fail(undefined)
      const lapse = environment.createLapse({ queue: folder })
      await environment.waitForRows(300)
      await lapse.close()
    } finally {
      execFileSync('umount', [folder])
    }
  },
)

describe('A long outage', () => {
  test('does not let the file grow, although sessions stay in use', async () => {
    const lapse = environment.createLapse({ queue: folder, heartbeatSeconds: 1 })
    const endsAt = Date.now() + 8000
    while (Date.now() < endsAt) {
      for (let number = 0; number < 1000; number++) lapse.active({ session: `s${number}` })
      await sleep(100)
    }
    expect(lapse.health().queued).toBe(1000)
    expect(countLines()).toBeGreaterThanOrEqual(1000)
    // More than 7000 lines were written.
    expect(countLines()).toBeLessThan(4500)
  })

  test('does not let the file grow, although reports are dropped', async () => {
    const lapse = environment.createLapse({ queue: folder, maxQueuedReports: 10 })
    for (let number = 0; number < 6000; number++) {
      lapse.ended({ session: `s${number}`, reason: 'logout' })
      if (number % 100 === 0) await sleep(1)
    }
    await expect.poll(() => readFiles(folder)).toContain('"s5999"')
    expect(countLines()).toBeLessThan(3000)
  })

  test('blocks no call, although the file is rewritten', async () => {
    const lapse = environment.createLapse({ queue: folder })
    for (let number = 0; number < 10_000; number++) lapse.ended({ session: `old${number}`, reason: 'logout' })
    const slowest: number[] = []
    for (let round = 0; round < 4; round++) {
      let slowestMs = 0
      // Each call writes two lines, so the file is rewritten at least once a round.
      for (let number = 0; number < 6000; number++) {
        const startedAt = performance.now()
        lapse.ended({ session: `r${round}-${number}`, reason: 'logout' })
        slowestMs = Math.max(slowestMs, performance.now() - startedAt)
        if (number % 500 === 0) await sleep(1)
      }
      slowest.push(slowestMs)
    }
    // The best round, because other processes and garbage collection make some calls slower.
    expect(Math.min(...slowest)).toBeLessThan(5)
  })
})

describe('When the process exits without close,', () => {
  test('its last reports are kept', async () => {
    const child = spawnWriter(folder, { NAME: 'a', COUNT: '3', EXIT: '1' })
    await once(child, 'exit')
    environment.proxy.fail(undefined)
    environment.createLapse({ queue: folder })
    expect(readAliases(await environment.waitForRows(3))).toEqual(['a0', 'a1', 'a2'])
  })

  test('one listener saves the reports of all instances', async () => {
    const before = process.listenerCount('exit')
    const instances = Array.from({ length: 12 }, () => environment.createLapse({ queue: folder }))
    expect(process.listenerCount('exit')).toBe(before + 1)
    for (const lapse of instances) await lapse.close()
    expect(process.listenerCount('exit')).toBe(before)
  })
})

test('A relative path keeps its meaning when the process changes its working directory', async () => {
  const directory = dirname(folder)
  mkdirSync(directory, { recursive: true })
  const child = spawnWriter(
    'queue',
    { NAME: 'a', COUNT: '1', EXIT: '1', CHANGE_DIRECTORY: '1' },
    [],
    directory,
  )
  await once(child, 'exit')
  expect(listFiles(folder).map((file) => readFileSync(file, 'utf8'))).toEqual([
    expect.stringContaining('"a0"'),
  ])
})
