import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { type SessionEnd, sessionEndFields, sessionEndSchema } from '../../src/domain/sessionEnd.ts'
import { describeTable } from '../../src/store/database/describeTable.ts'
import { createCollector } from '../support/collector.ts'

describe.each(inject('databaseServers'))('The audit table on $name', (server) => {
  test('The migrations create the columns of the schema, in its order and with its limits', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const table = await describeTable(collector.database.sql, { schema: undefined, table: 'session_audit' })
    const hasLengths = server.url !== undefined
    const columns = table?.columns.map(({ name, isNullable, maxLength }) => ({
      column: name,
      isNullable,
      maxLength,
    }))
    const expected = sessionEndFields.map((field) => ({
      column: field.column,
      isNullable: field.isNullable,
      maxLength: hasLengths ? findExpectedLength(field) : null,
    }))
    // SQLite can add a column only at the end of a table.
    const isAddedLast = ({ column }: { column: string }) => column === 'revision' || column === 'supersedes'
    expect(columns).toEqual(
      hasLengths
        ? expected
        : [...expected.filter((field) => !isAddedLast(field)), ...expected.filter(isAddedLast)],
    )
  })
})

/** Columns of enums have room for values that may be added later. */
function findExpectedLength(field: (typeof sessionEndFields)[number]): unknown {
  if (field.kind === 'text') return field.maxLength
  if (field.kind !== 'enum') return null
  const longest = Math.max(...Object.keys(field.values).map((value) => value.length))
  return expect.toSatisfy((maxLength: number) => maxLength >= longest)
}

describe('The schema of a row', () => {
  test('Each field and each value of an enum has a description in one sentence', () => {
    const descriptions = sessionEndFields.flatMap((field) => [
      field.description,
      ...(field.kind === 'enum' ? Object.values(field.values) : []),
    ])
    expect(descriptions.length).toBeGreaterThan(sessionEndFields.length)
    expect(descriptions.filter((text) => !/^[A-Z].+\.$/.test(text))).toEqual([])
  })

  test('An enum field lists exactly the values that the schema allows', () => {
    const values = sessionEndFields.flatMap((field) =>
      field.kind === 'enum' ? [{ name: field.name, values: Object.keys(field.values) }] : [],
    )
    const { reason, evidence, detectedBy } = sessionEndSchema.shape
    expect(values).toEqual([
      { name: 'reason', values: reason.options },
      { name: 'evidence', values: evidence.options },
      { name: 'detectedBy', values: detectedBy.options },
    ])
  })

  test('A row that is read from JSON equals the row that was written', () => {
    const row: SessionEnd = {
      id: 1,
      site: 'acme',
      sessionKey: 'a1f',
      revision: 1,
      supersedes: null,
      marker: null,
      session: 'a1f',
      subject: 'u_42',
      reason: 'idle_timeout',
      evidence: 'signed',
      detectedBy: 'login_page',
      startedAt: null,
      lastAccessAt: new Date('2026-01-02T09:00:00.001Z'),
      expiredAt: new Date('2026-01-02T09:30:00.001Z'),
      detectedAt: new Date('2026-01-02T10:00:00Z'),
      receivedAt: new Date('2026-01-02T10:00:00.123Z'),
      elapsedMs: 3_599_999,
      idleTimeoutSeconds: 1800,
      absoluteTimeoutSeconds: null,
      clockSkewMs: -5,
      browserRestarted: false,
      origin: 'https://app.acme.com',
      ip: '203.0.113.0',
      userAgent: 'Mozilla/5.0',
      clientVersion: '1.0.0',
    }
    expect(sessionEndSchema.parse(JSON.parse(JSON.stringify(row)))).toEqual(row)
    expect(sessionEndSchema.encode(row)).toEqual(JSON.parse(JSON.stringify(row)))
  })
})
