import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { internalProperties } from '../vite.config.ts'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const maxGzipBytes = 4608
const folder = fileURLToPath(new URL('..', import.meta.url))
const readFile = (path: string) => readFileSync(`${folder}/${path}`)

describe('The module', () => {
  test('does nothing on a server, and throws nothing', () => {
    const script = `
      import { createLapse } from '@lapse/client'
      const errors = []
      const lapse = createLapse({ site: 'a', collector: 'https://c', onError: (error) => errors.push(error.code) })
      await lapse.active({ subject: 'u' })
      await lapse.touch()
      await lapse.logout()
      console.log(JSON.stringify({ outcome: await lapse.absent(), errors }))
      lapse.stop()`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(JSON.parse(output)).toEqual({ outcome: null, errors: [] })
  })

  test('works in a browser, and imports js-cookie', async () => {
    const imports = JSON.stringify({ imports: { 'js-cookie': '/js-cookie.js' } })
    env.site.pages.set('/module', {
      html: `<script type="importmap">${imports}</script><script type="module">
        import { createLapse } from '/index.js'
        window.lapse = createLapse({ site: 'acme', collector: '${env.collector.url}/' })
      </script>`,
    })
    await env.goto('/module')
    await env.page.waitForFunction(() => 'lapse' in window)
    await env.page.evaluate(() => window.lapse.active({ subject: 'u 42&x=ü' }))
    expect(await env.readMarker()).toMatchObject({ v: '1', sub: 'u 42&x=ü' })
    const daySeconds = 86_400
    const readDays = (expires: number) =>
      expires < 0 ? 'session' : Math.round((expires - Date.now() / 1000) / daySeconds)
    const cookies = await env.context.cookies()
    expect(
      cookies.map(({ name, expires, sameSite }) => ({ name, days: readDays(expires), sameSite })),
    ).toEqual([
      { name: 'lapse-acme', days: 30, sameSite: 'Lax' },
      { name: 'lapse-acme-open', days: 'session', sameSite: 'Lax' },
    ])
    expect(await env.page.evaluate(() => window.lapse.absent())).toMatchObject({ id: 1 })
    expect(await env.readCookie()).toBeUndefined()
    expect(`${readFile('dist/index.js')}`).toMatch(/from "js-cookie"/)
  })
})

describe('The script lapse.js', () => {
  test('is at most 4,608 bytes gzip', () => {
    const gzipBytes = gzipSync(readFile('dist/lapse.js'), { level: 9 }).length
    expect(gzipBytes).toBeLessThanOrEqual(maxGzipBytes)
  })

  test('creates one global, and contains the version of the package', async () => {
    env.serve('/', '', '<script src="/lapse.js"></script>')
    await env.goto('/')
    expect(await env.page.evaluate(() => Object.keys(window.Lapse))).toEqual(['createLapse'])
    expect(`${readFile('dist/lapse.js')}`).toContain(manifest.version)
  })

  test('shortens the name of no property that a browser has', async () => {
    await env.goto('/')
    const browserProperties = await env.page.evaluate(() =>
      Object.values(Object.getOwnPropertyDescriptors(window))
        .flatMap(({ value }) => [value, value?.prototype])
        .filter((owner) => owner === Object(owner))
        .flatMap((owner) => Object.getOwnPropertyNames(owner)),
    )
    expect(browserProperties).toContain('querySelectorAll')
    expect(internalProperties.filter((name) => browserProperties.includes(name))).toEqual([])
  })
})

describe('The reference', () => {
  test('explains every error code, and says what to do', () => {
    const source = `${readFile('src/types/errors.ts')}`
    const reference = `${readFile('../../docs/reference/client.md')}`
    const codes = [...source.matchAll(/readonly (\w+_\w+|unexpected): /g)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(5)
    // A row of the table: the code, what happened, and what to do.
    const isExplained = (code = '') =>
      new RegExp(`^\\| \`${code}\` *\\| [^|]+\\. *\\| [^|]+\\. *\\|$`, 'm').test(reference)
    expect(codes.filter((code) => !isExplained(code))).toEqual([])
  })
})
