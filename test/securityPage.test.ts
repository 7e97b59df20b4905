import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findUnprovenClaims, readItems } from './claims.ts'
import { root } from './root.ts'

const file = 'docs/security.md'
const page = readFileSync(join(root, file), 'utf8')

describe('The security page', () => {
  test('names a test for each claim, and each of these tests exists', () => {
    expect(findUnprovenClaims(file, page)).toEqual([])
  })

  test('says for each kind of attacker what is prevented, and what is not', () => {
    const items = readItems(page)
    const readSections = (isRemainder: boolean) =>
      new Set(items.filter((item) => item.isRemainder === isRemainder).map(({ section }) => section))
    const [claimed, open] = [readSections(false), readSections(true)]
    expect(open.size).toBeGreaterThan(7)
    expect([...open].filter((section) => !claimed.has(section))).toEqual([])
    // These sections are not about attackers.
    expect([...claimed].filter((section) => !open.has(section))).toEqual([
      'Settings',
      'Content security policy',
    ])
  })
})

describe('The check of the security page', () => {
  const files = ['recording/reportSessionEnd', 'store/databaseSettings.matrix', 'http/fuzz', 'gone']
  const definitions = files.map((path) => `[${basename(path)}]: ../packages/collector/test/${path}.test.ts`)
  const findFaults = (...lines: readonly string[]) =>
    findUnprovenClaims(file, [...lines, '', ...definitions].join('\n'))

  test.each([
    `- A row is written.\n  Test: [reportSessionEnd], "writes one row and answers 201 with the verdict".`,
    `- A row. Tests: [reportSessionEnd], "ignores unknown fields"; [reportSessionEnd], "accepts a report as %s with the headers %j".`,
    '- Every character counts. Test: [databaseSettings.matrix], "The collector works with init_connect="set names %s"".',
    `- A string template. Test: [fuzz], "cause no rows, live sessions, server errors or memory growth: $\{count} of them".`,
    '## Users\n\n### What remains\n\n- A user can do anything.',
  ])('accepts a claim that names its tests, and a remaining risk without tests: %s', (text) => {
    expect(findFaults(text)).toEqual([])
  })

  test('finds a claim without a test', () => {
    expect(findFaults('- Nothing can go wrong.')).toEqual(['names no test: Nothing can go wrong.'])
    expect(findFaults(`- Nothing can go wrong. Test: [reportSessionEnd].`)).toHaveLength(1)
    expect(
      findFaults(
        `- Nothing can go wrong. Tests: [reportSessionEnd]; [reportSessionEnd], "ignores unknown fields".`,
      ),
    ).toHaveLength(1)
    expect(findFaults('## A', '### What remains', '- No.', '## B', '- Nothing can go wrong.')).toHaveLength(1)
  })

  test('finds a test file that does not exist', () => {
    expect(findFaults('- A row. Test: [gone], "is right".')).toEqual([
      expect.stringMatching('does not exist, ../packages/collector/test/gone.test.ts'),
    ])
    expect(findFaults('- A row. Test: [unknown], "is right".')).toEqual([
      expect.stringMatching('does not define, unknown'),
    ])
  })

  test.each([
    'writes two rows',
    // A description around tests, and a text that is no name.
    'POST /v1/lapses on $name',
    'u_42',
  ])('finds a test that the file does not have: %s', (name) => {
    expect(findFaults(`- A row. Test: [reportSessionEnd], "${name}".`)).toHaveLength(1)
    const both = `- A row. Tests: [reportSessionEnd], "ignores unknown fields"; [reportSessionEnd], "${name}".`
    expect(findFaults(both)).toHaveLength(1)
  })

  test('does not count a test that is skipped', () => {
    const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const path = join(folder, 'example.test.ts')
    const text = `- A row. Test: [example], "is right".\n\n[example]: ${relative(join(root, 'docs'), path)}`
    writeFileSync(path, "test.skip('is right', () => {})")
    expect(findFaults(text)).toHaveLength(1)
    writeFileSync(path, "test.runIf(process.env.CI).each([1])('is right', () => {})")
    expect(findFaults(text)).toEqual([])
  })
})
