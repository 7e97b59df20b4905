import { renameSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCollector, createReport, type InProcessCollector } from '../support/collector.ts'

const sqlite = { name: 'SQLite' }
const readPath = ({ database }: InProcessCollector) => database.url.slice('sqlite:'.length)

describe('The file of an SQLite database', () => {
  test('The file contains nothing of purged rows', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    const secrets = Array.from({ length: 20 }, (_, index) => `secret-subject-${index}-${'x'.repeat(50)}`)
    for (const subject of secrets) expect((await collector.post(createReport({ subject }))).status).toBe(201)
    const purged = [{ site: 'acme', before: new Date(Date.now() + 1000) }]
    expect(await collector.store.retention.purge(purged)).toBe(secrets.length)
    for (const ending of ['', '-wal']) {
      const content = await readFile(`${readPath(collector)}${ending}`, 'latin1')
      expect(content.includes('secret-subject')).toBe(false)
    }
  })

  test('The collector notices when the file is deleted or replaced, and when it returns', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    expect((await collector.post(createReport())).status).toBe(201)
    const path = readPath(collector)
    // A restore from a backup may move the old file away first.
    renameSync(path, `${path}.old`)
    expect((await collector.post(createReport())).status).toBe(503)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503)
    renameSync(`${path}.old`, path)
    await expect.poll(async () => (await collector.post(createReport())).status).toBe(201)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
    expect(await collector.database.readRows()).toHaveLength(2)
    rmSync(`${path}.old`, { force: true })
  })

  test.each(['order', '2fa_audit', 'select', 'Group'])('The audit table can be named %s', async (table) => {
    const collector = await createCollector(sqlite, { table })
    onTestFinished(collector.end)
    const event = createReport()
    expect((await collector.post(event)).status).toBe(201)
    expect((await collector.post(event)).status).toBe(200)
    expect(await collector.database.readRows(table)).toHaveLength(1)
    await collector.store.rollup.rebuild()
    expect(
      await collector.store.retention.purge([{ site: 'acme', before: new Date(Date.now() + 1000) }]),
    ).toBe(1)
  })
})
