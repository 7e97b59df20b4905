import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  args,
  collector,
  end,
  endPause,
  flush,
  listFiles,
  offline,
  queue,
  readSessions,
  setUpQueue,
  use,
} from './queueSetup.ts'
import { runLapsePhp } from './runPhp.ts'

setUpQueue()

describe('A report in the queue', () => {
  test('is delivered when the collector is back, with its own times', async () => {
    const ended = Date.now() - 120_000
    const script = `$lapse->ended('a1f', 'u_42', reason: 'logout', lastAccessAt: ${ended - 1000}, detectedAt: ${ended});`
    const { log } = await runLapsePhp(offline, script)
    expect(log).toMatch(/Lapse: http:\/\/127\.0\.0\.1:1: .*Reports wait in .*Next attempt after 1 seconds/)
    endPause()
    expect(await flush()).toEqual({ status: 0, output: '0', log: '' })
    const [row] = await collector.database.readRows()
    expect(row).toMatchObject({ session: 'a1f', reason: 'logout', elapsed_ms: 1000 })
    expect(Math.abs(Date.parse(String(row?.detected_at)) - ended)).toBeLessThan(10_000)
    expect(listFiles()).toEqual([])
  })

  test('is readable by its user only', async () => {
    await runLapsePhp(offline, use('a1f'))
    expect(statSync(queue).mode & 0o777).toBe(0o700)
    const modes = readdirSync(queue).map((name) => statSync(join(queue, name)).mode & 0o777)
    expect(new Set(modes)).toEqual(new Set([0o600]))
    for (const name of readdirSync(queue))
      expect(readFileSync(join(queue, name), 'utf8')).not.toContain(collector.args.token)
  })

  test('is sent before it is too late if the queue cannot be written', async () => {
    mkdirSync(dirname(queue))
    writeFileSync(queue, 'a file where the folder should be')
    const { status, log } = await runLapsePhp(args, use('a1f'))
    expect(status).toBe(0)
    expect(log).toMatch(/could not be written to the queue\. Check its folder, and run flush\(\) as the user/)
    expect(await readSessions()).toEqual(['a1f'])
  })

  test('is dropped and logged if the collector rejects it, and does not block the others', async () => {
    const rejected = `$lapse->active('u_42', 'rejected', startedAt: Lapse::now() + 3600000);`
    await runLapsePhp(offline, use('a1f') + rejected + end('b2e'))
    endPause()
    const { output, log } = await flush()
    expect(output).toBe('0')
    expect(log).toMatch(/report of the session "rejected" was dropped/)
    expect(await readSessions()).toEqual(['a1f'])
    expect(await collector.database.readRows()).toMatchObject([{ session: 'b2e' }])
  })

  test('waits while another site uses the same folder', async () => {
    await runLapsePhp({ ...offline, site: 'other' }, use('a1f'))
    await runLapsePhp(args, use('b2e'))
    expect(await readSessions()).toEqual(['b2e'])
    expect(readdirSync(dirname(queue)).sort()).toEqual(['acme', 'other'])
  })
})

describe('The queue', () => {
  test('drops the oldest reports when it is full, and says how many', async () => {
    const small = { ...offline, maxQueueBytes: 65_536 }
    const script = `for ($i = 0; $i < 900; $i++) { $lapse->active('u_42', sprintf('s%04d', $i)); if ($i % 10 === 9) $lapse->flush(); }`
    const { log } = await runLapsePhp(small, script)
    const counts = [...log.matchAll(/is full\. Oldest reports dropped: (\d+)/g)].map(([, count]) =>
      Number(count),
    )
    const dropped = counts.reduce((sum, count) => sum + count, 0)
    expect(dropped).toBeGreaterThan(100)
    const bytes = listFiles().reduce((sum, name) => sum + statSync(join(queue, name)).size, 0)
    expect(bytes).toBeLessThan(65_536 + 2 * 8192)
    endPause()
    expect((await flush()).output).toBe('0')
    const sessions = await readSessions()
    expect(sessions.length + dropped).toBe(900)
    expect(sessions[0]).toBe(`s${String(dropped).padStart(4, '0')}`)
    expect(sessions.at(-1)).toBe('s0899')
  })

  test('with damaged files delivers everything else', async () => {
    await runLapsePhp(offline, use('a1f'))
    endPause()
    const [file = ''] = listFiles()
    const valid = readFileSync(join(queue, file), 'utf8')
    const damaged = [`{"kind":"activity","rep`, '\0\0\0', '[]', '42', '{"kind":"x","report":{}}', '\xff{}']
    writeFileSync(join(queue, file), [...damaged, valid, '', 'null'].join('\n'))
    writeFileSync(join(queue, '0000000000000001-0abc.ndjson'), '')
    writeFileSync(join(queue, 'open.ndjson'), valid.replaceAll('a1f', 'b2e').slice(0, -40))
    writeFileSync(join(queue, 'pause.json'), '{"until":')
    const { output, log } = await runLapsePhp(args, `${use('c3d')} echo $lapse->flush();`)
    expect(output).toBe('0')
    expect(log).toMatch(/Damaged lines dropped from the queue file .*: 7/)
    expect(log).toMatch(/Damaged lines dropped from the queue file .*: 1/)
    expect(await readSessions()).toEqual(['a1f', 'c3d'])
  })

  test('that its user cannot read does not stop the application', async () => {
    await runLapsePhp(offline, use('a1f'))
    for (const name of readdirSync(queue)) chmodSync(join(queue, name), 0)
    chmodSync(queue, 0)
    chmodSync(dirname(dirname(queue)), 0o711)
    const script = `posix_setuid(65534); ${use('b2e')} echo 'done';`
    const { status, output, log } = await runLapsePhp(args, script)
    expect({ status, output }).toEqual({ status: 0, output: 'done' })
    expect(log).toMatch(/could not be written to the queue/)
    expect(await readSessions()).toEqual(['b2e'])
    chmodSync(queue, 0o700)
  })

  test('on a full disk sends the new report at once, and keeps what it has', async () => {
    await runLapsePhp(offline, use('a1f'))
    writeFileSync(join(queue, 'open.ndjson'), readFileSync(join(queue, listFiles()[0] ?? '')))
    endPause()
    // No file may grow beyond this size, which is that of the reports that wait.
    const limit = statSync(join(queue, 'open.ndjson')).size + 10
    const script = `posix_setrlimit(POSIX_RLIMIT_FSIZE, ${limit}, ${limit}); pcntl_signal(SIGXFSZ, SIG_IGN);
${use('b2e')} echo 'done';`
    const { status, output, log } = await runLapsePhp(args, script)
    expect({ status, output }).toEqual({ status: 0, output: 'done' })
    expect(log).toMatch(/could not be written to the queue.*disk is full/)
    expect(await readSessions()).toEqual(['a1f', 'b2e'])
    expect((await flush()).output).toBe('0')
  })
})
