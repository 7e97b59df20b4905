import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { origin } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

vi.setConfig({ testTimeout: 120_000 })

const secret = 'a secret of the tests, 32 bytes or more'
const database = { DATABASE: 'sqlite:lapse.sqlite' }

describe('A configuration that takes every secret from the environment', () => {
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const site = { origins: [origin], idleTimeoutSeconds: 1800, retentionDays: 10 }
    const signed = (name: string) => ({
      ...site,
      requireTicket: true,
      ticketKeys: [{ alg: 'HS256', secret: `env:${name}` }],
    })
    writeConfigIn(folder, {
      database: 'env:DATABASE',
      listen: { port: await findFreePort() },
      sweep: { everySeconds: 1 },
      sites: { open: site, acme: signed('ACME_SECRET'), shop: signed('SHOP_SECRET') },
    })
    const { privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(folder, 'key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
    expect((await runLapseIn(folder, ['migrate'], database)).status).toBe(0)
    const table = ['--table', 'audit', '--set', 'site=site']
    expect((await runLapseIn(folder, ['mirror', ...table], database)).stderr).toMatch(
      'There is no table audit',
    )
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each<[command: string, environment: Record<string, string>, status: number, words: RegExp]>([
    ['migrate', database, 0, /up to date/],
    ['list', database, 0, /No session ends/],
    ['list --format csv', database, 0, /^id,site/],
    ['purge', database, 0, /0 rows deleted/],
    ['purge --site acme --dry-run', database, 0, /would be deleted/],
    ['rollup', database, 0, /Rolled up/],
    ['token list', database, 0, /No tokens/],
    ['token create --scope read --site acme', database, 0, /^lapse_/],
    ['token revoke 0123456789abcdef', database, 1, /Token 0123456789abcdef not found/],
    ['mirror --table audit --drop', database, 1, /There is no mirror/],
    ['ticket --site acme --subject u_1', { ACME_SECRET: secret }, 0, /^eyJ/],
    [
      'ticket --site shop --subject u_1',
      { ACME_SECRET: secret },
      1,
      /site "shop" .* variable SHOP_SECRET is not set/,
    ],
    ['ticket --site acme --subject u_1', { ACME_SECRET: 'short' }, 1, /ACME_SECRET is shorter than 32 bytes/],
    ['ticket --site acme --subject u_1 --key key.pem', {}, 0, /^eyJ/],
    ['ticket --site none --subject u_1 --key key.pem --idle 60 --config none.json', {}, 0, /^eyJ/],
    ['ticket --site open --subject u_1', {}, 1, /no HS256 secret/],
    ['selftest --site acme', database, 1, /site "acme" .* variable ACME_SECRET is not set/],
    ['selftest --site open', {}, 1, /variable DATABASE is not set/],
    [
      'serve',
      { ...database, ACME_SECRET: secret },
      1,
      /sites\.shop\.ticketKeys\.0\.secret: .*SHOP_SECRET is not set/,
    ],
    ['serve', { ACME_SECRET: secret, SHOP_SECRET: secret }, 1, /database: .*DATABASE is not set/],
    ['list', {}, 1, /database: .*DATABASE is not set/],
  ])('lapse %s needs only the secrets that it uses', async (command, environment, status, words) => {
    const ended = await runLapseIn(folder, command.split(' '), environment)
    expect(ended).toMatchObject({ status })
    expect(ended.stdout + ended.stderr).toMatch(words)
  })

  test('A self-test needs only the secret of its site, and with a token no database', async () => {
    const port = await findFreePort()
    const all = { ...database, ACME_SECRET: secret, SHOP_SECRET: secret, LAPSE_PORT: String(port) }
    const url = `http://127.0.0.1:${port}`
    const collector = await startLapseServe(join(folder, 'lapse.config.json'), url, all)
    const run = (args: readonly string[], environment: Record<string, string>) =>
      runLapseIn(folder, ['selftest', '--url', url, ...args], environment)
    expect(await run(['--site', 'acme'], { ...database, ACME_SECRET: secret })).toMatchObject({ status: 0 })
    expect(await run(['--site', 'open'], database)).toMatchObject({ status: 0 })
    const made = await runLapseIn(folder, ['token', 'create', '--scope', 'read'], database)
    expect(await run(['--site', 'open', '--token', made.stdout.trim()], {})).toMatchObject({ status: 0 })
    await stopLapseServe(collector)
  })
})

describe('lapse ticket', () => {
  test('The error for an unreadable private key does not quote it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const files = {
      'jwk.json': '{"kty":"OKP","d":"hunter2" oops}',
      'key.pem': '-----BEGIN hunter2',
      'empty.pem': '',
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    for (const name of [...Object.keys(files), 'none.pem']) {
      const { status, stderr } = await runLapseIn(folder, [
        'ticket',
        '--site',
        'a',
        '--subject',
        'u',
        '--key',
        name,
      ])
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/with --key/) })
      expect(stderr).not.toMatch(/hunter2|DECODER/)
    }
    rmSync(folder, { recursive: true })
  })
})
