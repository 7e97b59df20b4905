import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type CertificateAuthority, createCertificateAuthority } from '../../../test/certificates.ts'
import { type RunningServer, startMariadb, startMysql } from '../../../test/servers.ts'
import { startTcpProxy } from '../../../test/tcpProxy.ts'
import { openStore, parseConfig, startCollector } from '../src/index.ts'
import { environment, eventOf, origin, postEvent, writtenConfig } from './collector.ts'
import { connectAsRoot, expectContract } from './contract.ts'

const { LAPSE_MYSQLD } = process.env

/** Servers of these tests' own: their settings are changed, and they are started again with others. */
const makers: { name: string; start: (folder: string, more: readonly string[]) => Promise<RunningServer> }[] =
  [{ name: 'MariaDB', start: startMariadb }]
if (LAPSE_MYSQLD)
  makers.push({ name: 'MySQL', start: (folder, more) => startMysql(folder, LAPSE_MYSQLD.split(' '), more) })

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

describe.each(makers)('the collector on $name', ({ name, start }) => {
  const isMariadb = name === 'MariaDB'
  let folder: string
  let server: RunningServer
  let port: number
  let authority: CertificateAuthority
  let certificateOptions: string[]
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    authority = createCertificateAuthority(folder)
    certificateOptions = serverCertificate('server', 'DNS:localhost,IP:127.0.0.1')
    server = await start(join(folder, 'server'), certificateOptions)
    port = Number(new URL(server.url).port)
  })
  afterAll(async () => {
    await server.end()
    rmSync(folder, { recursive: true })
  })

  function serverCertificate(certificate: string, subjectAltName: string): string[] {
    const { certPath, keyPath } = authority.issue(certificate, subjectAltName)
    return [`--ssl-ca=${authority.caPath}`, `--ssl-cert=${certPath}`, `--ssl-key=${keyPath}`]
  }

  /** Starts the server again with these options, for the rest of a test. */
  async function restartWith(...options: string[]): Promise<void> {
    onTestFinished(() => restart())
    await restart(options)
  }

  async function restart(options: readonly string[] = []): Promise<void> {
    await server.end()
    await server.startAgain(options)
  }

  /** Sets global variables for the rest of a test. */
  async function setGlobally(settings: Readonly<Record<string, string | number>>): Promise<void> {
    const root = await connectAsRoot(port)
    for (const [variable, value] of Object.entries(settings)) {
      onTestFinished(async () => {
        const restoring = await connectAsRoot(port)
        await restoring.query(`set global ${variable} = default`)
        await restoring.end()
      })
      await root.query(`set global ${variable} = ?`, [value])
    }
    await root.end()
  }

  /** A database with an account that may do everything in it, and nothing else. `init_connect` is run for it. */
  async function createAccount(requirement = ''): Promise<{ url: string; root: Connection }> {
    const account = `lapse_${randomBytes(6).toString('hex')}`
    const admin = await connectAsRoot(port)
    await admin.query(`create database ${account} character set utf8mb4`)
    await admin.query(`create user ${account}@'%' identified by 'a password' ${requirement}`)
    await admin.query(`grant all on ${account}.* to ${account}@'%'`)
    if (!isMariadb) await admin.query('set global log_bin_trust_function_creators = 1')
    await admin.end()
    const root = await connectAsRoot(port, account)
    onTestFinished(async () => {
      await root.end()
      const cleaning = await connectAsRoot(port)
      await cleaning.query(`drop database ${account}`)
      await cleaning.query(`drop user ${account}@'%'`)
      await cleaning.end()
    })
    return { url: `mysql://${account}:a%20password@localhost:${port}/${account}`, root }
  }

  async function expectWorks(options = '', requirement = ''): Promise<void> {
    const { url, root } = await createAccount(requirement)
    await expectContract(url + options, root)
  }

  /** Starts a collector, which must refuse with this message. */
  async function expectRefusal(url: string, message: RegExp): Promise<void> {
    const config = parseConfig(writtenConfig(url), environment)
    await expect(startCollector(config, pino({ level: 'silent' }))).rejects.toThrow(message)
  }

  async function migrate(url: string): Promise<void> {
    const { database, table } = parseConfig(writtenConfig(url), environment)
    const store = openStore(database, table)
    await store.schema.migrate()
    await store.close()
  }

  describe('keeps its contract', () => {
    test.each(sqlModes)('with sql_mode=%j', async (mode) => {
      await setGlobally({ sql_mode: mode })
      await expectWorks()
    })

    test.runIf(isMariadb).each(['ORACLE', 'MSSQL', 'DB2'])('with sql_mode=%j', async (mode) => {
      await setGlobally({ sql_mode: mode })
      await expectWorks()
    })

    test.each(charsets)('with %s as the default character set of the server', async (charset) => {
      await setGlobally({ character_set_server: charset })
      await expectWorks()
    })

    test.each(charsets)('with init_connect="set names %s"', async (charset) => {
      await setGlobally({ init_connect: `set names ${charset}` })
      await expectWorks()
    })

    // MySQL 9 has no such option any more.
    test.runIf(isMariadb).each(charsets)(
      'with %s and --skip-character-set-client-handshake',
      async (charset) => {
        await restartWith(`--character-set-server=${charset}`, '--skip-character-set-client-handshake')
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
    ])('with %j', async (settings) => {
      const renamed = isMariadb
        ? Object.entries(settings).map(
            ([key, value]) => [key.replace(/^transaction_/, 'tx_'), value] as const,
          )
        : Object.entries(settings)
      await setGlobally(Object.fromEntries(renamed))
      await expectWorks()
    })

    test.each([
      'set session sql_safe_updates = 1',
      'set session autocommit = 0, session sql_select_limit = 1',
      'set session transaction read only',
      "set session time_zone = '-08:00', session sql_mode = 'NO_BACKSLASH_ESCAPES'",
    ])('with init_connect="%s"', async (statement) => {
      await setGlobally({ init_connect: statement })
      await expectWorks()
    })

    test('with a server whose own time zone has summer time', async () => {
      const root = await connectAsRoot(port)
      const [zone] = await root.query('select @@global.time_zone as zone, @@system_time_zone as `system`')
      expect(zone).toMatchObject([{ zone: 'SYSTEM', system: expect.stringMatching(/^CES?T$/) }])
      await root.end()
      await expectWorks()
    })

    test('with tables whose names are stored in lower case (lower_case_table_names=1)', async () => {
      const lowerCase = await start(join(folder, 'lower-case'), [
        '--lower-case-table-names=1',
        ...certificateOptions,
      ])
      onTestFinished(() => lowerCase.end())
      const root = await connectAsRoot(Number(new URL(lowerCase.url).port))
      await root.query('create database Lapse_Test')
      await root.query('use Lapse_Test')
      await expectContract(`${lowerCase.url}/Lapse_Test`, root, 'Lapse_Test.Session_Audit')
      await root.end()
    })

    test.runIf(!isMariadb)('with sql_require_primary_key and invisible primary keys', async () => {
      await setGlobally({ sql_require_primary_key: 1, sql_generate_invisible_primary_key: 1 })
      await expectWorks()
    })

    test.runIf(isMariadb)('with innodb_snapshot_isolation, the default of MariaDB 11.8', async () => {
      await setGlobally({ innodb_snapshot_isolation: 1 })
      await expectWorks()
    })

    test('with idle connections that the server closes', async () => {
      const { url, root } = await createAccount()
      await setGlobally({ wait_timeout: 1, interactive_timeout: 1 })
      await migrate(url)
      const collector = await startCollector(
        parseConfig(writtenConfig(url), environment),
        pino({ level: 'silent' }),
      )
      onTestFinished(collector.close)
      const burst = () =>
        Promise.all(
          Array.from({ length: 30 }, async (_, index) =>
            index % 3 === 0
              ? (await fetch(`${collector.url}/readyz`)).status
              : (await postEvent(collector.url, eventOf(), { Origin: origin })).status,
          ),
        )
      const expected = Array.from({ length: 30 }, (_, index) => (index % 3 === 0 ? 200 : 201))
      for (let times = 0; times < 3; times++) {
        expect(await burst()).toEqual(expected)
        await sleep(2500)
      }
      expect(await root.query('select count(*) as count from session_audit')).toMatchObject([
        [{ count: 60 }],
        {},
      ])
    })
  })

  describe('encrypts its connections', () => {
    test.each(['', 'ssl-mode=PREFERRED', 'ssl-mode=REQUIRED'])(
      'where the server requires it, with "?%s"',
      async (options) => {
        await setGlobally({ require_secure_transport: 1 })
        await expectWorks(`?${options}`)
      },
    )

    test('checks the authority and the name of the certificate', async () => {
      await expectWorks(`?ssl-ca=${authority.caPath}`)
      await expectWorks(`?ssl-mode=VERIFY_IDENTITY&ssl-ca=${authority.caPath}`)
    })

    test('shows a certificate of its own where the account requires one', async () => {
      const { certPath, keyPath } = authority.issue('client', 'DNS:collector')
      await expectWorks(`?ssl-mode=REQUIRED&ssl-cert=${certPath}&ssl-key=${keyPath}`, 'require x509')
      const { url } = await createAccount('require x509')
      await expectRefusal(`${url}?ssl-mode=REQUIRED`, /Access denied.*ssl-cert and ssl-key/s)
    })

    test('refuses to start where that is impossible, and says which certificate or option is wrong', async () => {
      const { url } = await createAccount()
      const other = mkdtempSync(join(folder, 'other-'))
      const { caPath: strangerPath } = createCertificateAuthority(other)
      await expectRefusal(`${url}?ssl-mode=VERIFY_CA&ssl-ca=${strangerPath}`, /Check ssl-ca/)
      await expectRefusal(`${url}?ssl-mode=VERIFY_CA`, /Check ssl-ca/)
      await expectRefusal(
        `${url}?ssl-ca=${join(folder, 'missing.pem')}`,
        /missing\.pem \(ssl-ca in the database URL\) cannot be read: ENOENT/,
      )
      await setGlobally({ require_secure_transport: 1 })
      await expectRefusal(`${url}?ssl-mode=DISABLED`, /require_secure_transport.*ssl-mode=DISABLED/s)
    })

    test('refuses a certificate of another host', async () => {
      await restartWith(...serverCertificate('elsewhere', 'DNS:db.elsewhere.example'))
      const { url, root } = await createAccount()
      const ca = `ssl-ca=${authority.caPath}`
      await expectRefusal(`${url}?ssl-mode=VERIFY_IDENTITY&${ca}`, /certificate names the host/)
      await expectContract(`${url}?ssl-mode=VERIFY_CA&${ca}`, root)
    })

    test('goes on without encryption only where that is allowed', async () => {
      await restartWith(isMariadb ? '--skip-ssl' : '--tls-version=')
      const { url, root } = await createAccount()
      await expectRefusal(`${url}?ssl-mode=REQUIRED`, /does not offer TLS/)
      await expectContract(url, root)
    })
  })

  describe('refuses to start, and names the setting,', () => {
    test.each(isMariadb ? ['read_only'] : ['read_only', 'super_read_only'])('with %s', async (variable) => {
      const { url } = await createAccount()
      await migrate(url)
      await setGlobally(
        variable === 'super_read_only' ? { super_read_only: 1, read_only: 1 } : { [variable]: 1 },
      )
      await expectRefusal(url, new RegExp(`It does not accept writes \\(.*${variable}=ON`))
    })

    test('with innodb_read_only, as on a reader of Aurora', async () => {
      const { url } = await createAccount()
      await migrate(url)
      await restartWith('--innodb-read-only')
      await expectRefusal(url, /It does not accept writes \(.*innodb_read_only=ON/)
    })

    test('with max_allowed_packet too small for the largest report', async () => {
      const { url } = await createAccount()
      await setGlobally({ max_allowed_packet: 65_536 })
      await expectRefusal(url, /max_allowed_packet=65536/)
    })

    test('with a table whose engine keeps no transactions', async () => {
      const { url, root } = await createAccount()
      await migrate(url)
      // Debian's MariaDB has no BLACKHOLE.
      for (const engine of isMariadb ? ['MyISAM', 'MEMORY'] : ['MyISAM', 'MEMORY', 'BLACKHOLE']) {
        await root.query('drop table session_audit')
        await root.query(`create table session_audit (id bigint primary key) engine = ${engine}`)
        await expectRefusal(url, new RegExp(`engine=${engine}, which has no transactions`))
      }
    })

    test('behind a proxy that does not pass settings on', async () => {
      const { url } = await createAccount()
      await migrate(url)
      const proxy = await startTcpProxy(port, (sent) =>
        Buffer.from(
          sent.toString('latin1').replace('session autocommit = 1', 'session autocommit = 0'),
          'latin1',
        ),
      )
      onTestFinished(proxy.close)
      await expectRefusal(
        `${url.replace(`:${port}/`, `:${proxy.port}/`)}?ssl-mode=DISABLED`,
        /autocommit=OFF/,
      )
    })
  })
})
