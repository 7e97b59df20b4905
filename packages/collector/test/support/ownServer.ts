import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection } from 'mysql2/promise'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { type CertificateAuthority, createCertificateAuthority } from '../../../../test/certificates.ts'
import type { RunningServer, ServerKind } from '../../../../test/servers.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment } from './collector.ts'
import { connectAsRoot, expectContract } from './contract.ts'

/** Starts a server with a certificate for all tests of a file. Changes that a test makes are undone after the test. */
export function useOwnServer({ name, start }: ServerKind) {
  const isMariadb = name === 'MariaDB'
  let folder: string
  let server: RunningServer
  let authority: CertificateAuthority
  let certificateOptions: string[]
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    authority = createCertificateAuthority(folder)
    certificateOptions = issueServerCertificate('server', 'DNS:localhost,IP:127.0.0.1')
    server = await start(join(folder, 'server'), certificateOptions)
  })
  afterAll(async () => {
    await server.end()
    rmSync(folder, { recursive: true })
  })

  function issueServerCertificate(certificate: string, subjectAltName: string): string[] {
    const { certPath, keyPath } = authority.issue(certificate, subjectAltName)
    return [`--ssl-ca=${authority.caPath}`, `--ssl-cert=${certPath}`, `--ssl-key=${keyPath}`]
  }

  const getPort = () => Number(new URL(server.url).port)

  async function restart(options: readonly string[] = []): Promise<void> {
    await server.end()
    await server.startAgain(options)
  }

  async function runAsRoot(...statements: readonly (readonly [sql: string, value?: unknown])[]) {
    const root = await connectAsRoot(getPort())
    for (const [sql, value] of statements) await root.query(sql, value === undefined ? [] : [value])
    await root.end()
  }

  /** Creates a database, and an account that may do everything in it and nothing else. */
  async function createAccount(requirement = ''): Promise<{ url: string; root: Connection }> {
    const account = `lapse_${randomBytes(6).toString('hex')}`
    await runAsRoot(
      [`create database ${account} character set utf8mb4`],
      [`create user ${account}@'%' identified by 'a password' ${requirement}`],
      [`grant all on ${account}.* to ${account}@'%'`],
    )
    if (!isMariadb) await runAsRoot(['set global log_bin_trust_function_creators = 1'])
    const root = await connectAsRoot(getPort(), account)
    onTestFinished(async () => {
      await root.end()
      await runAsRoot([`drop database ${account}`], [`drop user ${account}@'%'`])
    })
    return { url: `mysql://${account}:a%20password@localhost:${getPort()}/${account}`, root }
  }

  return {
    isMariadb,
    /** A folder for the files of a test. */
    get folder() {
      return folder
    },
    get port() {
      return getPort()
    },
    get authority() {
      return authority
    },
    issueServerCertificate,
    /** Starts another server, with the same certificate. The caller ends it. */
    startAnother: (folderName: string, options: readonly string[]) =>
      start(join(folder, folderName), [...options, ...certificateOptions]),
    /** Restarts the server with these options, for the rest of the test. */
    async restartWith(...options: string[]): Promise<void> {
      onTestFinished(() => restart())
      await restart(options)
    },
    /** Sets global variables for the rest of the test. */
    async setGlobally(settings: Readonly<Record<string, string | number>>): Promise<void> {
      for (const [variable, value] of Object.entries(settings)) {
        onTestFinished(() => runAsRoot([`set global ${variable} = default`]))
        await runAsRoot([`set global ${variable} = ?`, value])
      }
    },
    createAccount,
    /** Checks that a collector works with an account of this server. */
    async expectWorks(options = '', requirement = ''): Promise<void> {
      const { url, root } = await createAccount(requirement)
      await expectContract(url + options, root)
    },
    /** Checks that a collector refuses to start. */
    async expectRefusal(url: string, message: RegExp): Promise<void> {
      const config = parseConfig(createConfig(url), environment)
      await expect(startCollector(config, pino({ level: 'silent' }))).rejects.toThrow(message)
    },
    async migrate(url: string): Promise<void> {
      const { database, table } = parseConfig(createConfig(url), environment)
      const store = openStore(database, table)
      await store.schema.migrate()
      await store.close()
    },
  }
}
