import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { serverKinds } from '../../../../test/servers.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, createReport, environment, origin, postReport } from '../support/collector.ts'
import { connectAsRoot, expectContract } from '../support/contract.ts'
import { useOwnServer } from '../support/ownServer.ts'

const charsets = ['utf8mb4', 'latin1', 'gbk', 'big5', 'sjis']
const sqlModes = [
  'STRICT_TRANS_TABLES',
  'NO_ENGINE_SUBSTITUTION',
  '',
  'ANSI',
  'ANSI_QUOTES',
  'PIPES_AS_CONCAT',
  'NO_BACKSLASH_ESCAPES',
  'PAD_CHAR_TO_FULL_LENGTH',
  'TRADITIONAL',
  'NO_ZERO_DATE,ALLOW_INVALID_DATES,HIGH_NOT_PRECEDENCE,REAL_AS_FLOAT,NO_UNSIGNED_SUBTRACTION',
]

describe.each(serverKinds)('On $name with any settings', (kind) => {
  const server = useOwnServer(kind)
  const { isMariadb, setGlobally, expectWorks } = server

  test.each(sqlModes)('The collector works with sql_mode=%j', async (mode) => {
    await setGlobally({ sql_mode: mode })
    await expectWorks()
  })

  test.runIf(isMariadb).each(['ORACLE', 'MSSQL', 'DB2'])(
    'The collector works with sql_mode=%j of MariaDB',
    async (mode) => {
      await setGlobally({ sql_mode: mode })
      await expectWorks()
    },
  )

  test.each(charsets)('The collector works with %s as the default character set', async (charset) => {
    await setGlobally({ character_set_server: charset })
    await expectWorks()
  })

  test.each(charsets)('The collector works with init_connect="set names %s"', async (charset) => {
    await setGlobally({ init_connect: `set names ${charset}` })
    await expectWorks()
  })

  // MySQL 9 has removed the option.
  test.runIf(isMariadb).each(charsets)(
    'The collector works with %s and --skip-character-set-client-handshake',
    async (charset) => {
      await server.restartWith(`--character-set-server=${charset}`, '--skip-character-set-client-handshake')
      await expectWorks()
    },
  )

  test.each([
    { autocommit: 0 },
    { completion_type: 1 },
    { completion_type: 2 },
    { time_zone: '+05:30' },
    { transaction_isolation: 'READ-UNCOMMITTED' },
    { transaction_isolation: 'READ-COMMITTED' },
    { transaction_isolation: 'REPEATABLE-READ' },
    { transaction_isolation: 'SERIALIZABLE' },
    { transaction_read_only: 1 },
    { max_allowed_packet: 1_048_576 },
    { auto_increment_increment: 7, auto_increment_offset: 3 },
    { innodb_strict_mode: 0 },
    { unique_checks: 0, foreign_key_checks: 0 },
    { default_storage_engine: 'MyISAM' },
    { sql_select_limit: 1 },
    { sql_auto_is_null: 1 },
  ])('The collector works with the settings %j', async (settings) => {
    const renamed = isMariadb
      ? Object.entries(settings).map(([key, value]) => [key.replace(/^transaction_/, 'tx_'), value] as const)
      : Object.entries(settings)
    await setGlobally(Object.fromEntries(renamed))
    await expectWorks()
  })

  test.each([
    'set session sql_safe_updates = 1',
    'set session autocommit = 0, session sql_select_limit = 1',
    'set session transaction read only',
    "set session time_zone = '-08:00', session sql_mode = 'NO_BACKSLASH_ESCAPES'",
  ])('The collector works with init_connect="%s"', async (statement) => {
    await setGlobally({ init_connect: statement })
    await expectWorks()
  })

  test('The collector works with a server whose time zone has daylight saving time', async () => {
    const root = await connectAsRoot(server.port)
    const [zone] = await root.query('select @@global.time_zone as zone, @@system_time_zone as `system`')
    expect(zone).toMatchObject([{ zone: 'SYSTEM', system: expect.stringMatching(/^CES?T$/) }])
    await root.end()
    await expectWorks()
  })

  test('The collector works with table names in lower case (lower_case_table_names=1)', async () => {
    const lowerCase = await server.startAnother('lower-case', ['--lower-case-table-names=1'])
    onTestFinished(() => lowerCase.end())
    const root = await connectAsRoot(Number(new URL(lowerCase.url).port))
    await root.query('create database Lapse_Test')
    await root.query('use Lapse_Test')
    await expectContract(`${lowerCase.url}/Lapse_Test`, root, 'Lapse_Test.Session_Audit')
    await root.end()
  })

  test.runIf(!isMariadb)('The collector works with required and invisible primary keys', async () => {
    await setGlobally({ sql_require_primary_key: 1, sql_generate_invisible_primary_key: 1 })
    await expectWorks()
  })

  test.runIf(isMariadb)(
    'The collector works with innodb_snapshot_isolation, the default of MariaDB 11.8',
    async () => {
      await setGlobally({ innodb_snapshot_isolation: 1 })
      await expectWorks()
    },
  )

  test('The collector works with a server that closes idle connections', async () => {
    const { url, root } = await server.createAccount()
    await setGlobally({ wait_timeout: 1, interactive_timeout: 1 })
    await server.migrate(url)
    const config = parseConfig(createConfig(url), environment)
    const collector = await startCollector(config, pino({ level: 'silent' }))
    onTestFinished(collector.close)
    const sendBurst = () =>
      Promise.all(
        Array.from({ length: 30 }, async (_, index) =>
          index % 3 === 0
            ? (await fetch(`${collector.url}/readyz`)).status
            : (await postReport(collector.url, createReport(), { Origin: origin })).status,
        ),
      )
    const expected = Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? 200 : 201))
    for (let times = 0; times < 3; times++) {
      expect(await sendBurst()).toEqual(expected)
      await sleep(2500)
    }
    const [counts] = await root.query('select count(*) as count from session_audit')
    expect(counts).toMatchObject([{ count: 60 }])
  })
})
