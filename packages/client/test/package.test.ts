import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { useBrowser } from './browser.ts'

const it = useBrowser()
/** In bytes. Who raises it says in the commit what the page gets for them. */
const largestGzip = 3_650
const root = fileURLToPath(new URL('..', import.meta.url))

describe('the package', () => {
  test('imported on a server does nothing and throws nothing, nor does a client that is made there', () => {
    const script = `
      import { createLapse } from '@lapse/client'
      const errors = []
      const lapse = createLapse({ site: 'a', collector: 'https://c', onError: (error) => errors.push(error.message) })
      await lapse.active({ subject: 'u' })
      await lapse.touch()
      await lapse.logout()
      console.log(JSON.stringify([await lapse.absent(), errors]))
      lapse.stop()`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(output).toBe('[null,[]]\n')
  })

  test('works as a module, with js-cookie as its dependency', async () => {
    const imports = JSON.stringify({ imports: { 'js-cookie': '/js-cookie.js' } })
    it.site.pages.set('/module', {
      html: `<script type="importmap">${imports}</script><script type="module">
        import { createLapse } from '/index.js'
        window.lapse = createLapse({ site: 'acme', collector: '${it.collector.url}/' })
      </script>`,
    })
    await it.plant()
    await it.page.goto(`${it.site.url}/module`)
    await it.page.waitForFunction(() => 'lapse' in window)
    expect(await it.page.evaluate(() => window.lapse.absent())).toMatchObject({ id: 1 })
    expect(readFileSync(`${root}/dist/index.js`, 'utf8')).toMatch(/from "js-cookie"/)
  })

  test('is as large as its README says, and no larger than is allowed', () => {
    const bytes = gzipSync(readFileSync(`${root}/dist/lapse.js`), { level: 9 }).length
    expect(readFileSync(`${root}/README.md`, 'utf8')).toContain(`${bytes.toLocaleString('en')} bytes gzip`)
    expect(bytes).toBeLessThanOrEqual(largestGzip)
  })

  test('gives tags one global, and says its version', async () => {
    it.serve('/', '', '<script src="/lapse.js"></script>')
    await it.page.goto(it.site.url)
    expect(await it.page.evaluate(() => Object.keys(window.Lapse))).toEqual(['createLapse'])
    expect(readFileSync(`${root}/dist/lapse.js`, 'utf8')).toContain(manifest.version)
  })
})
