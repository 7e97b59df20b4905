import { readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listen } from '../../../test/listen.ts'
import {
  args,
  endPause,
  flush,
  offline,
  queue,
  readBody,
  readSessions,
  setUpQueue,
  use,
} from './queueSetup.ts'
import { runLapsePhp } from './runPhp.ts'

setUpQueue()

describe('Several processes', () => {
  test('that write and send at the same time lose nothing and send nothing twice', async () => {
    const received: string[] = []
    const server = createServer(async (request, response) => {
      const reports: { session: string }[] = JSON.parse(await readBody(request))
      received.push(...reports.map(({ session }) => session))
      setTimeout(() => response.end(JSON.stringify({ accepted: reports.length, rejected: [] })), 20)
    })
    const { url, close } = await listen(server)
    const names = ['a', 'b', 'c', 'd', 'e', 'f']
    const script = (name: string) =>
      `for ($i = 0; $i < 50; $i++) { $lapse->active('u_42', "${name}$i"); $lapse->flush(); usleep(1000); }`
    const runs = await Promise.all(
      names.map((name) => runLapsePhp({ ...args, collector: url }, script(name))),
    )
    expect(runs.map(({ log }) => log)).toEqual(names.map(() => ''))
    expect((await flush({ ...args, collector: url })).output).toBe('0')
    const expected = names.flatMap((name) => Array.from({ length: 50 }, (_, index) => `${name}${index}`))
    expect(received.sort()).toEqual(expected.sort())
    await close()
  })

  test('send one at a time, and the others do not wait', async () => {
    let concurrent = 0
    let most = 0
    const server = createServer((request, response) => {
      request.resume()
      concurrent++
      most = Math.max(most, concurrent)
      setTimeout(() => {
        concurrent--
        response.end('{"accepted":1,"rejected":[]}')
      }, 1000)
    })
    const { url, close } = await listen(server)
    await runLapsePhp(offline, use('a1f'))
    endPause()
    const script = '$start = microtime(true); $lapse->flush(); echo microtime(true) - $start;'
    const runs = await Promise.all([1, 2, 3].map(() => runLapsePhp({ ...args, collector: url }, script)))
    const [shortest = 1, , longest = 0] = runs.map(({ output }) => Number(output)).sort()
    expect(most).toBe(1)
    expect(shortest).toBeLessThan(0.5)
    expect(longest).toBeGreaterThan(0.9)
    await close()
  })

  test('are not stopped by one that was killed while it was sending', async () => {
    const server = createServer(() => {})
    const { url, close } = await listen(server)
    const hanging = runLapsePhp({ ...args, collector: url, timeoutSeconds: 30 }, use('a1f'))
    await expect.poll(() => findSender(queue)).not.toBe('')
    process.kill(Number(findSender(queue)), 'SIGKILL')
    await hanging
    expect((await flush()).output).toBe('0')
    expect(await readSessions()).toEqual(['a1f'])
    await close()
  })
})

/** Finds the process that has the queue's lock for sending. */
function findSender(folder: string): string {
  const lock = statSync(join(folder, 'sender.lock'), { throwIfNoEntry: false })
  if (!lock) return ''
  const locks = readFileSync('/proc/locks', 'utf8').split('\n')
  return locks.find((line) => line.includes(`:${lock.ino} `))?.split(/\s+/)[4] ?? ''
}
