import { appendFileSync, chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'
import { createFolderPath, kill, listFiles, readAliases, startWriter } from './queueProcesses.ts'

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

describe('With a queue folder,', () => {
  test('the reports of a process that was killed are sent by the next one', async () => {
    await kill(await startWriter(folder, 'a', 3))
    const lapse = environment.createLapse({ queue: folder })
    const rows = await environment.waitForRows(3)
    expect(readAliases(rows)).toEqual(['a0', 'a1', 'a2'])
    await expect.poll(() => listFiles(folder)).toEqual([])
    expect(lapse.errors).toEqual([])
  })

  test('the reports of another site are left alone', async () => {
    await kill(await startWriter(folder, 'a', 1, 'other'))
    environment.createLapse({ queue: folder })
    await sleep(500)
    expect(listFiles(folder)).toHaveLength(1)
    environment.createLapse({ queue: folder, site: 'other' })
    expect(await environment.waitForRows(1)).toMatchObject([{ site: 'other' }])
  })

  test('a file that is damaged costs only the damaged lines', async () => {
    await kill(await startWriter(folder, 'a', 2))
    const [file = ''] = listFiles(folder)
    const intact = readFileSync(file, 'utf8')
    const damaged = [
      '{"id":7',
      'null',
      '[]',
      '{"id":8,"report":{"kind":"end","body":{"session":{}}}}',
      '{"id":9,"rep',
    ]
    writeFileSync(file, `${damaged.slice(0, 4).join('\n')}\n${intact}`)
    appendFileSync(file, damaged[4] ?? '')
    environment.createLapse({ queue: folder })
    expect(readAliases(await environment.waitForRows(2))).toEqual(['a0', 'a1'])
  })

  test('what close could not send is kept, quickly, and sent after the restart', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ queue: folder })
    const session = lapse.createSession('u_42')
    lapse.active(session)
    lapse.active(session)
    lapse.ended({ session: 'a1f', subject: 'u_42', reason: 'logout' })
    await lapse.close()
    expect(lapse.health()).toMatchObject({ queued: 2, dropped: 0 })
    environment.proxy.fail(undefined)
    environment.createLapse({ queue: folder })
    await environment.waitForRows(1)
    const live = await environment.collector.database.sql('session_live')
    expect(live).toMatchObject([{ session_key: session.session }])
  })

  test('the file is removed when everything is sent, also after an outage', async () => {
    const lapse = environment.createLapse({ queue: folder })
    environment.proxy.fail(({ path }) => (path === '/v1/lapses' ? 'cut before' : undefined))
    lapse.ended({ session: 'waits', reason: 'logout' })
    for (let round = 0; round < 30; round++) {
      for (let user = 0; user < 200; user++) lapse.active({ session: `s${round}-${user}` })
      await sleep(20)
    }
    environment.proxy.fail(undefined)
    await environment.waitForRows(1)
    await expect.poll(() => listFiles(folder)).toEqual([])
    expect(lapse.health()).toMatchObject({ queued: 0, reported: 6001, dropped: 0 })
  })

  test('nobody else can read the reports', async () => {
    const child = await startWriter(folder, 'a', 1)
    const [file = ''] = listFiles(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('unused')
    await kill(child)
  })

  test('a folder that cannot be used is an error, and reports are sent nevertheless', async () => {
    writeFileSync(folder, 'a file in the way')
    const lapse = environment.createLapse({ queue: folder })
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await environment.waitForRows(1)
    expect(lapse.errors).toMatchObject([{ code: 'queue_unavailable' }])
    expect(lapse.errors[0]?.message).toContain(folder)
    expect(lapse.health().status).toBe('degraded')
  })

  test.skipIf(process.getuid?.() === 0)('a folder without permission is an error too', async () => {
    chmodSync(join(folder, '..'), 0o500)
    const lapse = environment.createLapse({ queue: folder })
    await expect.poll(() => lapse.errors).toMatchObject([{ code: 'queue_unavailable' }])
  })
})
