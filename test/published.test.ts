import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLapseServe, stopLapseServe } from './collector.ts'
import { root } from './root.ts'
import { findFreePort } from './servers.ts'

const run = promisify(execFile)

describe('The packages, packed and installed in an empty project,', () => {
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
    const files: string[] = []
    for (const name of ['client', 'collector', 'server']) {
      const args = ['--yes', packageManager, 'pack', '--json', '--pack-destination', folder]
      const packed = await run('npx', args, { cwd: join(root, 'packages', name) })
      files.push(JSON.parse(packed.stdout).filename)
    }
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({ name: 'elsewhere', private: true, type: 'module' }),
    )
    await run('npm', ['install', '--no-audit', '--no-fund', ...files], { cwd: folder })
  }, 180_000)
  afterAll(() => rmSync(folder, { recursive: true }))

  test('can be imported as ES modules', async () => {
    writeFileSync(
      join(folder, 'import.js'),
      `import { createLapse } from '@lapse/client'
       import { parseConfig } from '@lapse/collector'
       import { createLapseServer } from '@lapse/server'
       import { lapseExpress } from '@lapse/server/express'
       import { lapseKoa } from '@lapse/server/koa'
       import { lapseFastify } from '@lapse/server/fastify'
       const all = [createLapse, parseConfig, createLapseServer, lapseExpress, lapseKoa, lapseFastify]
       console.log(all.map((each) => typeof each).join(' '))`,
    )
    const { stdout } = await run(process.execPath, ['import.js'], { cwd: folder })
    expect(stdout).toBe(`${Array(6).fill('function').join(' ')}\n`)
  })

  test('have types', async () => {
    writeFileSync(
      join(folder, 'types.ts'),
      `import { createLapse, type Verdict } from '@lapse/client'
       import { type Config, startCollector } from '@lapse/collector'
       import { createLapseServer } from '@lapse/server'
       createLapse({ site: 'acme', collector: 'https://lapse.acme.com' })
       export const start = (config: Config) => startCollector(config)
       export const reason = ({ reason }: Verdict) => reason
       // @ts-expect-error: the collector is required.
       createLapse({ site: 'acme' })
       createLapseServer({ site: 'acme', collector: 'https://lapse.acme.com', token: undefined, idleTimeoutSeconds: 60 })
       // @ts-expect-error: the idle timeout is required.
       createLapseServer({ site: 'acme', collector: 'https://lapse.acme.com', token: undefined })`,
    )
    const compiler = join(root, 'node_modules/.bin/tsc')
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
    await expect(run(compiler, [...options, 'types.ts'], { cwd: folder })).resolves.toMatchObject({
      stdout: '',
    })
  })

  test('serve the script, the dashboard and the tag page after lapse init', async () => {
    const init = ['lapse', 'init', '--site', 'acme', '--origin', 'https://app.acme.com']
    await run('npx', ['--no-install', ...init], { cwd: folder })
    const url = `http://127.0.0.1:${await findFreePort()}`
    const installed = join(folder, 'node_modules/@lapse/collector/dist/cli/lapse.js')
    const child = await startLapseServe(
      join(folder, 'lapse.config.json'),
      url,
      {
        LAPSE_PORT: new URL(url).port,
        LAPSE_DATABASE_URL: `sqlite:${join(folder, 'lapse.sqlite')}`,
      },
      installed,
    )
    try {
      const script = await fetch(`${url}/lapse.js`)
      expect(await script.text()).toBe(
        readFileSync(join(folder, 'node_modules/@lapse/client/dist/lapse.js'), 'utf8'),
      )
      const dashboard = await (await fetch(url)).text()
      const [part = ''] = /dashboard\/[^"]+\.js/.exec(dashboard) ?? []
      expect((await fetch(`${url}/${part}`)).headers.get('content-type')).toMatch('javascript')
      const page = await fetch(`${url}/tag?site=acme`)
      expect(await page.text()).toMatch('data-site=&#34;acme&#34;')
    } finally {
      await stopLapseServe(child)
    }
  })

  test('contain their dependencies and no files of the workspace', () => {
    const { dependencies } = JSON.parse(
      readFileSync(join(folder, 'node_modules/@lapse/collector/package.json'), 'utf8'),
    )
    expect(dependencies['@lapse/client']).toMatch(/^\d/)
    expect(existsSync(join(folder, 'node_modules/@lapse/collector/test'))).toBe(false)
  })
})
