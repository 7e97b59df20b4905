import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { root } from './root.ts'

const places = ['*.md', 'deploy', 'demo', 'docs', 'examples', 'packages/*/README.md']
const files = execFileSync('git', ['ls-files', ...places], { cwd: root, encoding: 'utf8' })
  .trim()
  .split('\n')
  // docs/reference is generated from the comments in the code.
  .filter((file) => /\.(md|ts|tsx|js|ejs|html|py)$/.test(file) && !/\/test\/|^docs\/reference\//.test(file))

const findAll = (pattern: RegExp) =>
  files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(pattern)].map(([text]) => `${file}: ${text}`),
  )

/** Without the limit, the client cannot tell a request that extended the session from any other. */
describe('The idle timeout of the session', () => {
  test('is in every script tag of a page with a session', () => {
    const tags = findAll(/<script\b[^\n]*\/lapse\.js(?:(?!<\/script>)[\s\S])*data-state="active"/g)
    expect(tags.length).toBeGreaterThan(5)
    expect(tags.filter((tag) => !/data-idle-timeout-seconds="|lapse\.js\?site=/.test(tag))).toEqual([])
  })

  test('is in every call of createLapse', () => {
    const calls = findAll(/createLapse\(\{[\s\S]*?\}\)/g)
    expect(calls.length).toBeGreaterThan(4)
    expect(calls.filter((call) => !call.includes('idleTimeoutSeconds'))).toEqual([])
  })
})
