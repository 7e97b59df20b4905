import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, createReport, environment, origin, postReport } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

// Some tests start the command several times.
vi.setConfig({ testTimeout: 120_000 })

const history = 'session_audit_migrations'
const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800, retentionDays: 10 } }

describe.each(inject('databaseServers'))('The schema version on $name', (server) => {
  let folder: string
  let database: TestDatabase
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase(server)
    writeConfigIn(folder, { database: database.url, listen: { port: 0 }, sites })
    const { database: location, table } = parseConfig(createConfig(database.url), environment)
    const store = openStore(location, table)
    await store.schema.migrate()
    await store.close()
  })
  afterEach(async () => {
    await database.drop()
    rmSync(folder, { recursive: true })
  })

  const recordMigration = (name: string) =>
    database.sql(history).insert({ name, batch: 2, migration_time: new Date() })

  async function start() {
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const collector = await startCollector(parseConfig(createConfig(database.url), environment), log)
    onTestFinished(collector.close)
    return { collector, logLines }
  }

  test('Every command refuses a database that a newer version has migrated', async () => {
    await recordMigration('0099_from_the_future')
    const commands = ['serve', 'migrate', 'list', 'token create --scope read', 'purge']
    for (const command of commands) {
      const { status, stdout, stderr } = await runLapseIn(folder, command.split(' '))
      expect({ command, status, stdout: command === 'serve' ? '' : stdout, stderr }).toEqual({
        command,
        status: 1,
        stdout: '',
        stderr: expect.stringMatching(
          /^lapse: The table session_audit was migrated by a newer version of Lapse \(unknown migrations: 0099_from_the_future\).* Upgrade Lapse/,
        ),
      })
    }
    expect(await database.sql('session_audit_tokens')).toEqual([])
  })

  test('A running collector becomes unready when a newer version migrates the database', async () => {
    const { collector } = await start()
    const readyz = async () => (await fetch(`${collector.url}/readyz`)).status
    expect(await readyz()).toBe(200)
    await recordMigration('0099_from_the_future')
    await expect.poll(readyz).toBe(503)
  })

  test('A compatible migration of a newer version changes nothing', async () => {
    await recordMigration('0099_from_the_future.compatible')
    const { collector } = await start()
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
    expect((await postReport(collector.url, createReport(), { Origin: origin })).status).toBe(201)
    expect(await runLapseIn(folder, ['migrate'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching('up to date'),
    })
    expect(await runLapseIn(folder, ['list'])).toMatchObject({ status: 0 })
  })

  test.skipIf(server.url === undefined)(
    'A collector whose database misses a migration is unready until lapse migrate has run',
    async () => {
      await database.sql(history).where('name', '0008_received_index').delete()
      const { collector, logLines } = await start()
      const readyz = async () => (await fetch(`${collector.url}/readyz`)).status
      expect(await readyz()).toBe(503)
      const warnings = logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40)
      expect(warnings).toMatchObject([
        {
          msg: expect.stringMatching(
            /is missing or outdated \(missing migrations: 0008_received_index\)\. Run: lapse migrate$/,
          ),
        },
      ])
      expect(await runLapseIn(folder, ['migrate'])).toMatchObject({ status: 0 })
      await expect.poll(readyz).toBe(200)
    },
  )
})
