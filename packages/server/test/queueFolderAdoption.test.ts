import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'
import {
  createFolderPath,
  kill,
  listFiles,
  readAliases,
  readFiles,
  spawnWriter,
  startWriter,
} from './queueProcesses.ts'

let environment: Environment
let folder: string
beforeAll(async () => {
  environment = await startEnvironment()
})
beforeEach(() => {
  folder = createFolderPath()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

const longAgo = new Date(Date.now() - 120_000)
const foreignName = 'acme.0123456789abcdef.1-1.x.ndjson'
const isRoot = process.getuid?.() === 0

function formatEnd(session: string, others: object = {}): string {
  const body = { session, reason: 'revoked', detectedAt: Date.now(), ...others }
  return `${JSON.stringify({ id: 1, report: { kind: 'end', body } })}\n`
}

/** Writes a file that nobody has touched for two minutes. */
function writeAbandonedFile(path: string, text: string): void {
  writeFileSync(path, text)
  utimesSync(path, longAgo, longAgo)
}

describe('What a process that has ended left behind', () => {
  test('is sent once by two processes that start at the same time', async () => {
    await kill(await startWriter(folder, 'a', 300))
    await kill(await startWriter(folder, 'b', 300))
    const env = { LAPSE_COLLECTOR: environment.proxy.url, LAPSE_TOKEN: environment.token, COUNT: '0' }
    const processes = [spawnWriter(folder, env), spawnWriter(folder, env)]
    await environment.waitForRows(600)
    await expect.poll(() => listFiles(folder)).toEqual([])
    expect(environment.proxy.requests.flatMap(({ reports }) => reports)).toHaveLength(600)
    for (const each of processes) await kill(each)
  })

  test('is sent at once if its process id is in use again', async () => {
    await kill(await startWriter(folder, 'a', 1))
    const [file = ''] = listFiles(folder)
    const reused = basename(file).replace(/\.\d+-\d+\./, `.${process.pid}-1.`)
    expect(reused).not.toBe(basename(file))
    renameSync(file, join(folder, reused))
    environment.createLapse({ queue: folder })
    await environment.waitForRows(1)
  })

  test('on another machine is taken over when its owner has not touched it for a minute', async () => {
    mkdirSync(folder, { mode: 0o700 })
    const foreign = join(folder, foreignName)
    writeFileSync(foreign, formatEnd('a'))
    const lapse = environment.createLapse({ queue: folder })
    await sleep(500)
    expect(listFiles(folder)).toEqual([foreign])
    await lapse.close()
    utimesSync(foreign, longAgo, longAgo)
    environment.createLapse({ queue: folder })
    await environment.waitForRows(1)
  })

  test.for([0, 1, 3, 10])('survives a process that stops %i ms after its start', async (delayMs) => {
    await kill(await startWriter(folder, 'a', 500))
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ queue: folder })
    lapse.ended({ session: 'own', reason: 'logout' })
    if (delayMs > 0) await sleep(delayMs)
    await lapse.close()
    expect(lapse.health().dropped).toBe(0)
    environment.proxy.fail(undefined)
    environment.createLapse({ queue: folder })
    await environment.waitForRows(501)
    await expect.poll(() => listFiles(folder)).toEqual([])
  })

  test('survives processes that are killed while they take it over', async () => {
    await kill(await startWriter(folder, 'a', 2000))
    for (let round = 0; round < 10; round++) {
      const [before] = listFiles(folder)
      const child = spawnWriter(folder, { COUNT: '0' })
      await expect.poll(() => listFiles(folder)[0], { interval: 1 }).not.toBe(before)
      await sleep(round * 2)
      await kill(child)
    }
    environment.createLapse({ queue: folder })
    await environment.waitForRows(2000)
    await expect.poll(() => listFiles(folder)).toEqual([])
  })

  test('is sent once if it is in two files', async () => {
    await kill(await startWriter(folder, 'a', 5))
    const [file = ''] = listFiles(folder)
    writeAbandonedFile(join(folder, foreignName), readFileSync(file, 'utf8'))
    environment.createLapse({ queue: folder })
    await environment.waitForRows(5)
    await expect.poll(() => listFiles(folder)).toEqual([])
    expect(environment.proxy.requests.flatMap(({ reports }) => reports)).toHaveLength(5)
  })

  test('waits in the folder if there is no room, so that no newer report is dropped', async () => {
    await kill(await startWriter(folder, 'a', 150))
    await kill(await startWriter(folder, 'b', 150))
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ queue: folder, maxQueuedReports: 400 })
    await expect.poll(() => lapse.health().queued).toBe(200)
    for (let number = 0; number < 200; number++) lapse.ended({ session: `new${number}`, reason: 'logout' })
    expect(lapse.health()).toMatchObject({ queued: 400, dropped: 0 })
    environment.proxy.fail(undefined)
    await expect.poll(() => environment.collector.database.readRows(), { timeout: 40_000 }).toHaveLength(500)
    await expect.poll(() => listFiles(folder)).toEqual([])
  })
})

describe('A stranger cannot report through the folder:', () => {
  test('a folder that others can write to is refused, with advice', async () => {
    mkdirSync(folder)
    chmodSync(folder, 0o777)
    writeAbandonedFile(join(folder, foreignName), formatEnd('planted'))
    const lapse = environment.createLapse({ queue: folder })
    lapse.ended({ session: 'own', reason: 'logout' })
    expect(readAliases(await environment.waitForRows(1))).toEqual(['own'])
    expect(lapse.errors).toMatchObject([{ code: 'queue_unavailable' }])
    expect(lapse.errors[0]?.message).toContain(`chmod go-w ${folder}`)
    expect(listFiles(folder)).toHaveLength(1)
  })

  test.skipIf(!isRoot)('a folder of another user is refused', async () => {
    mkdirSync(folder, { mode: 0o700 })
    chownSync(folder, 65534, 65534)
    const lapse = environment.createLapse({ queue: folder })
    await expect.poll(() => lapse.errors).toMatchObject([{ code: 'queue_unavailable' }])
    expect(lapse.errors[0]?.message).toContain('uid 65534')
  })

  test('a pipe, a link and a folder are left alone, and hold nothing up', async () => {
    await kill(await startWriter(folder, 'a', 1))
    const outside = join(folder, '..', 'outside')
    writeAbandonedFile(outside, formatEnd('linked'))
    symlinkSync(outside, join(folder, 'acme.0.nobody.1.ndjson'))
    mkdirSync(join(folder, 'acme.0.nobody.2.ndjson'))
    execFileSync('mkfifo', [join(folder, 'acme.0.nobody.3.ndjson')])
    const lapse = environment.createLapse({ queue: folder })
    expect(readAliases(await environment.waitForRows(1))).toEqual(['a0'])
    await expect.poll(() => listFiles(folder)).toHaveLength(3)
    expect(lapse.errors).toEqual([])
  })

  test.skipIf(!isRoot)('a file of another user is left alone', async () => {
    mkdirSync(folder, { mode: 0o700 })
    const planted = join(folder, 'acme.0.nobody.1.ndjson')
    writeFileSync(planted, formatEnd('planted'))
    chownSync(planted, 65534, 65534)
    writeFileSync(join(folder, 'acme.0.nobody.2.ndjson'), formatEnd('own'))
    environment.createLapse({ queue: folder })
    expect(readAliases(await environment.waitForRows(1))).toEqual(['own'])
    await expect.poll(() => listFiles(folder)).toEqual([planted])
  })

  test('a line cannot name another site', async () => {
    mkdirSync(folder, { mode: 0o700 })
    writeAbandonedFile(join(folder, foreignName), formatEnd('a', { site: 'other', sentAt: 1 }))
    environment.createLapse({ queue: folder })
    expect(await environment.waitForRows(1)).toMatchObject([{ site: 'acme', session: 'a' }])
  })

  test('every field of a report survives a restart', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ queue: folder })
    const now = Date.now()
    const times = { startedAt: now - 60_000, lastAccessAt: now - 30_000 }
    lapse.active({ session: 's', subject: 'u', idleTimeoutSeconds: 3600, ...times })
    lapse.ended({ session: 'e', subject: 'u', reason: 'logout', detectedAt: now, ...times })
    lapse.endedAll({ subject: 'u', reason: 'revoked', except: 's', detectedAt: now })
    await lapse.close({ timeoutMs: 500 })
    expect(readFiles(folder)).toContain('"except":"s"')
    environment.proxy.clear()
    environment.proxy.fail(undefined)
    const next = environment.createLapse({ queue: folder })
    await expect.poll(() => next.health().reported).toBe(3)
    const reports = environment.proxy.requests.flatMap(({ reports }) => reports)
    expect(reports).toMatchObject([
      { session: 's', subject: 'u', ticket: expect.any(String), ...times },
      { session: 'e', subject: 'u', reason: 'logout', detectedAt: now, ...times },
      { subject: 'u', reason: 'revoked', except: 's', detectedAt: now },
    ])
  })
})
