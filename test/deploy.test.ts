import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { parseConfig } from '@lapse/collector'
import { validate } from 'dockerfile-utils'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { findProgram } from '../scripts/findProgram.ts'
import { stopLapseServe } from './collector.ts'
import { createDatabase, type TestDatabase } from './databases.ts'
import { buildImage, type Image } from './dockerfile.ts'
import { readStatus } from './readStatus.ts'
import { root } from './root.ts'
import { findFreePort } from './servers.ts'

const run = promisify(execFile)
const readFile = (name: string) => readFileSync(join(root, 'deploy', name), 'utf8')

describe('The Dockerfile', () => {
  test('passes the linter', () => {
    expect(validate(readFile('Dockerfile')).map(({ message }) => message)).toEqual([])
  })

  describe('when its steps run in a plain folder,', () => {
    // If the tests run as root, the steps and the collector run as a user without rights. Otherwise they run as the
    // user who runs the tests.
    const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    // MySQL if the tests have it, as in the Compose file. Otherwise MariaDB.
    const server = inject('databaseServers').findLast(({ url }) => url !== undefined)
    let folder: string
    let image: Image
    let database: TestDatabase
    let environment: NodeJS.ProcessEnv

    beforeAll(async () => {
      if (!server) throw new Error('No database server was started for the tests.')
      database = await createDatabase(server)
      folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      const path = prepareMachine(folder)
      const options = {
        context: copyCheckout(folder),
        folder: join(folder, 'stages'),
        environment: { ...createEnvironmentWithoutNpm(), PATH: path, HOME: join(folder, 'home') },
        user,
      }
      if (user.uid !== undefined) execFileSync('chown', ['-R', `${user.uid}:${user.gid}`, folder])
      image = await buildImage(readFile('Dockerfile'), options)
      // The file system of the container is read-only.
      execFileSync('chmod', ['-R', 'a-w', image.folder])
      environment = {
        PATH: path,
        ...image.environment,
        // Only the container has the address and the file that the image names.
        LAPSE_HOST: '127.0.0.1',
        LAPSE_PORT: `${await findFreePort()}`,
        LAPSE_CONFIG: join(options.context, 'deploy/lapse.config.json'),
        LAPSE_DATABASE_URL: database.url,
      }
    }, 600_000)
    afterAll(async () => {
      await database?.drop()
      if (image) execFileSync('chmod', ['-R', 'u+w', image.folder])
      rmSync(folder, { recursive: true })
    })

    const createRunOptions = () => ({ cwd: image.workingDirectory, env: environment, ...user })

    function start([file = '', ...args]: readonly string[]): ChildProcess {
      const child = spawn(file, args, { ...createRunOptions(), stdio: 'ignore' })
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    }

    const isHealthy = async () => {
      const [file = '', ...args] = image.healthCheck
      return run(file, args, createRunOptions()).then(
        () => true,
        () => false,
      )
    }

    test('creates an image that does not run as root and needs no write access to its files', async () => {
      expect(Number.parseInt(image.user, 10)).toBeGreaterThan(0)
      const [file = '', ...args] = image.entrypoint
      await run(file, [...args, 'migrate'], createRunOptions())
      const collector = start([...image.entrypoint, ...image.command])
      const url = `http://127.0.0.1:${environment.LAPSE_PORT}`
      await expect.poll(() => readStatus(`${url}/readyz`)).toBe(200)
      expect(await readStatus(`${url}/lapse.js`)).toBe(200)
      expect(await readStatus(url)).toBe(200)
      await stopLapseServe(collector)
    })

    test('creates an image whose health check detects whether the collector runs', async () => {
      expect(await isHealthy()).toBe(false)
      const collector = start([...image.entrypoint, ...image.command])
      await expect.poll(isHealthy).toBe(true)
      await stopLapseServe(collector)
      expect(await isHealthy()).toBe(false)
    })
  })
})

describe('The Compose file', () => {
  const runComposeConfig = (variables: NodeJS.ProcessEnv, ...args: readonly string[]) => {
    const [file = '', ...command] = findCompose()
    const all = [...command, '--file', join(root, 'deploy/compose.yaml'), 'config', ...args]
    return run(file, all, { env: { ...process.env, ...variables } })
  }

  test('is valid and defines a database, a migration and a collector', async () => {
    const { stdout } = await runComposeConfig({ LAPSE_DATABASE_PASSWORD: 'secret' }, '--services')
    expect(stdout.trim().split('\n').sort()).toEqual(['collector', 'migrate', 'mysql'])
  })

  test('names a variable that is missing', async () => {
    await expect(runComposeConfig({ LAPSE_DATABASE_PASSWORD: '' })).rejects.toThrow(
      /Write LAPSE_DATABASE_PASSWORD into the file \.env/,
    )
  })

  test('mounts a configuration that the collector accepts', () => {
    expect(parseConfig(JSON.parse(readFile('lapse.config.json')), {}).sites).toHaveProperty('acme')
  })
})

describe('The systemd unit', () => {
  function writeUnit(): string {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'lapse.service')
    const installed = '/opt/lapse/node_modules/.bin/lapse'
    const unit = readFile('lapse.service')
    expect(unit).toContain(`ExecStart=${installed} serve`)
    // The unit must name a program that exists.
    writeFileSync(file, unit.replace(installed, process.execPath))
    return file
  }

  test('is valid', async () => {
    expect(await run(findProgram('systemd-analyze'), ['verify', writeUnit()])).toEqual({
      stdout: '',
      stderr: '',
    })
  })

  test('has an exposure level under 2.0', async () => {
    const args = ['security', '--offline=true', '--threshold=19', '--no-pager', writeUnit()]
    const { stdout } = await run(findProgram('systemd-analyze'), args)
    expect(stdout).toMatch(/Overall exposure level for lapse\.service: [01]\.\d OK/)
  })
})

/** Compose is a plugin of Docker. Older versions are a separate program. */
function findCompose(): readonly string[] {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' })
    return ['docker', 'compose']
  } catch {
    return [findProgram('docker-compose')]
  }
}

/** Leaves out the variables that npx sets, because they name files of the user who called it. */
const createEnvironmentWithoutNpm = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')))

/** Gives the user of the steps the pinned Node and the package registry of this machine. Returns their PATH. */
function prepareMachine(folder: string): string {
  for (const name of ['bin', 'home', 'stages']) mkdirSync(join(folder, name))
  copyFileSync(process.execPath, join(folder, 'bin/node'))
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { cwd: folder, encoding: 'utf8' })
  writeFileSync(join(folder, 'home/.npmrc'), `registry=${registry}`)
  return [join(folder, 'bin'), process.env.PATH].join(delimiter)
}

/** Copies the repository without what was installed or built here, as deploy/Dockerfile.dockerignore does. */
function copyCheckout(folder: string): string {
  const checkout = join(folder, 'checkout')
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  for (const file of execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(checkout, file)), { recursive: true })
    cpSync(join(root, file), join(checkout, file), { verbatimSymlinks: true })
  }
  return checkout
}
