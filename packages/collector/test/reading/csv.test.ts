import { describe, expect, onTestFinished, test } from 'vitest'
import { formats } from '../../src/reading/formats/formats.ts'
import type { ListedSessionEnd } from '../../src/reading/listedSessionEnd.ts'
import { createCollector, createReport, issueToken, origin } from '../support/collector.ts'
import { emptyFields } from '../support/emptyFields.ts'

const toCsv = formats.csv.write
const at = new Date(Date.UTC(2026, 0, 2))

const createRow = (changes: Partial<ListedSessionEnd>): ListedSessionEnd => ({
  ...emptyFields,
  supersededBy: null,
  needsReview: false,
  returnedAt: null,
  resumedAt: null,
  id: 1,
  site: 'acme',
  sessionKey: 'a',
  revision: 1,
  reason: 'idle_timeout',
  evidence: 'self_reported',
  detectedBy: 'login_page',
  detectedAt: at,
  receivedAt: at,
  clockSkewMs: 0,
  ...changes,
})

/** Splits a line as a spreadsheet does: a quote only counts at the start of a cell. */
function splitCells(line: string, separator: string): string[] {
  const cells: string[] = []
  let rest = line
  for (let bound = 0; bound < 1000; bound++) {
    const quoted = /^"((?:[^"]|"")*)"?/.exec(rest)
    const start = quoted?.[0] ?? ''
    const end = rest.indexOf(separator, start.length)
    const tail = rest.slice(start.length, end < 0 ? undefined : end)
    cells.push((quoted?.[1] ?? '').replaceAll('""', '"') + tail)
    if (end < 0) return cells
    rest = rest.slice(end + 1)
  }
  throw new Error('A line has too many cells.')
}

const formula = /^[\s"\p{Cf}]*[=+\-@＝＋－＠]/u
const isNumber = (cell: string) => /^-?\d+$/.test(cell)

describe('A CSV cell', () => {
  const texts = ['=', '+', '-', '@', '＝', '＋', '－', '＠'].flatMap((sign) => [
    `${sign}cmd|' /C calc'!A0`,
    ` ${sign}1`,
    `\u00a0\u200b${sign}1`,
    `\t${sign}1`,
    `\r${sign}1`,
    `"${sign}1"`,
    `a;${sign}1`,
    `a; ${sign}1;b`,
    `a;"${sign}1"`,
    `a";"${sign}1`,
    `a,b;${sign}1`,
    `;${sign}1`,
    `;;${sign}1`,
    `a\t${sign}1`,
    `a|${sign}1`,
    `a\n${sign}1`,
    `a\r\n"${sign}1`,
  ])

  test.each(texts)(
    'A cell never starts a formula, whatever separates cells in the reader’s locale: %j',
    (text) => {
      const csv = toCsv([createRow({ subject: text, session: text, userAgent: text, origin: text })])
      for (const separator of [',', ';', '\t', '|'])
        for (const line of csv.split(/\r\n|\r|\n/))
          for (const cell of splitCells(line, separator)) {
            const isFormula = formula.test(cell) && !isNumber(cell)
            expect({ separator, cell, isFormula }).toEqual({ separator, cell, isFormula: false })
          }
    },
  )

  test.each([
    ['\t1', "'\ufffd1"],
    ['\r1', "'\ufffd1"],
    ['=1', "'=1"],
    ['a;=1', "a;'=1"],
    ['a\u009b31mb\u001b[0m\u202e', 'a\ufffd31mb\ufffd[0m\ufffd'],
  ])('The text %j is written as %j', (text, written) => {
    expect(toCsv([createRow({ subject: text })]).split(',')[7]).toBe(written)
  })

  test.each(['u_42', 'a-b', 'a=b', 'a+b@acme.com', 'a; b', '1-2', 'Mozilla/5.0 (X11; Linux x86_64)'])(
    'A harmless text is not changed: %s',
    (text) => {
      expect(toCsv([createRow({ subject: text })]).split(',')[7]).toBe(text)
    },
  )

  test('A negative number stays a number', () => {
    const [line = ''] = toCsv([createRow({ elapsedMs: -1500, clockSkewMs: -7 })]).split('\r\n')
    const cells = splitCells(line, ',')
    expect({ elapsedMs: cells[16], clockSkewMs: cells[19] }).toEqual({
      elapsedMs: '-1500',
      clockSkewMs: '-7',
    })
  })
})

test('An export of hostile texts runs nothing in a spreadsheet or a terminal', async () => {
  const collector = await createCollector({ name: 'SQLite' })
  onTestFinished(collector.end)
  const hostile = { subject: "a;=cmd|' /C calc'!A0", session: '＝1+1' }
  const headers = { Origin: origin, 'User-Agent': '\u009b31m;=1+1' }
  expect((await collector.post(createReport(hostile), headers)).status).toBe(201)
  const { token } = await issueToken(collector.store)
  for (const format of ['csv', 'ndjson', 'ecs', 'ocsf', 'owasp']) {
    const response = await fetch(`${collector.url}/v1/lapses?format=${format}`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    const text = await response.text()
    expect(text.replaceAll(/[\r\n]/g, '')).not.toMatch(/\p{Cc}/u)
    if (format === 'csv') expect(text).toMatch(",'＝1+1,")
    if (format === 'csv') expect(text).toMatch("a;'=cmd|' /C calc'!A0")
  }
  expect((await collector.database.readRows())[0]?.user_agent).toBe('\ufffd31m;=1+1')
})
