import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import knex from 'knex'
import { expect, inject, test } from 'vitest'
import { lapsePath } from '../../../test/collector.ts'
import { installPackage, python, run } from '../../../test/django/python.ts'
import { readCodeBlocks } from '../../../test/markdown.ts'
import { root } from '../../../test/root.ts'
import { findFreePort } from '../../../test/servers.ts'

const example = 'examples/django'

// A server that the tests have started, because the README's database names must not be taken.
const server = inject('databaseServers').find(({ name }) => name === 'MariaDB')

test('The commands of the README set up the example, from an empty database server to the login page', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  // Replaces the README's shell function `lapse`. As a program, it can be stopped by its process id.
  writeFileSync(join(folder, 'lapse'), `#!/bin/sh\nexec '${process.execPath}' '${lapsePath}' "$@"\n`)
  chmodSync(join(folder, 'lapse'), 0o700)
  const [appPort, collectorPort] = [await findFreePort(), await findFreePort()]
  const { port } = new URL(server?.url ?? '')
  const commands = readCodeBlocks()
    .filter(({ file, language }) => file === `${example}/README.md` && language === 'sh')
    .map(({ code }) => code)
    .join('\n')
    .replace(/^lapse\(\) .*$/m, '')
    // Debian installs Django for the system's Python. PATH may have another one.
    .replace('python3 -m venv', `${python} -m venv`)
    .replaceAll('.venv', join(folder, 'venv'))
    .replace('127.0.0.1:3306', `127.0.0.1:${port}`)
    .replace('127.0.0.1:4780', `127.0.0.1:${collectorPort}`)
    .replace('createsuperuser', 'createsuperuser --noinput --username admin --email admin@example.com')
    .replace('runserver', `runserver --noreload 127.0.0.1:${appPort} &`)
  const script = [
    "trap 'kill $(jobs -p)' EXIT",
    commands,
    `curl --silent --fail --retry 60 --retry-all-errors --retry-delay 1 http://127.0.0.1:${appPort}/login/`,
  ]
  writeFileSync(join(folder, 'readme.sh'), script.join('\n'))
  const sql = knex({ client: 'mysql2', connection: server?.url ?? '' })
  try {
    const { stdout } = await run('bash', ['-e', join(folder, 'readme.sh')], {
      cwd: join(root, example),
      env: {
        ...process.env,
        PATH: `${folder}${delimiter}${process.env.PATH}`,
        DATABASE_PORT: port,
        DJANGO_SUPERUSER_PASSWORD: randomBytes(16).toString('hex'),
        LAPSE_PORT: `${collectorPort}`,
        MYSQL_TCP_PORT: port,
        // Without a network, and with the installed setuptools.
        PIP_NO_BUILD_ISOLATION: '0',
        PIP_NO_INDEX: '1',
        PYTHONDONTWRITEBYTECODE: '1',
      },
    })
    expect(stdout).toContain('Sessions recorded: 0.')
    expect(stdout).toContain(
      `<script src="http://127.0.0.1:${collectorPort}/lapse.js" defer data-site="acme"`,
    )
  } finally {
    for (const name of ['lapse', 'person']) await sql.raw('drop database if exists ??', [name])
    await sql.destroy()
    rmSync(folder, { recursive: true })
  }
}, 300_000)

test('The production settings are secure, and the migrations are complete', async () => {
  const site = await installPackage()
  const env = {
    ...process.env,
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONPATH: site,
    DJANGO_SECRET_KEY: randomBytes(64).toString('hex'),
    LAPSE_COLLECTOR: 'https://lapse.acme.com',
    LAPSE_TICKET_SECRET: randomBytes(32).toString('hex'),
    LAPSE_TOKEN: 'unused',
  }
  const manage = (...args: readonly string[]) =>
    run(python, ['manage.py', ...args], { cwd: join(root, example), env })
  try {
    await manage('check', '--deploy', '--fail-level', 'WARNING')
    await manage('makemigrations', '--check', '--dry-run')
  } finally {
    rmSync(dirname(site), { recursive: true })
  }
})
