import { z } from 'zod'
import { type SessionEndField, sessionEndFields } from '../../packages/collector/src/domain/sessionEnd.ts'
import { addedFieldsSchema } from '../../packages/collector/src/reading/listedSessionEnd.ts'
import { formatCode, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

/** The reference of a row of the audit table, from its fields. */
export function createSessionEndPage(): Page {
  return {
    file: 'session-end.md',
    title: 'The row',
    summary: 'Every column of the audit table, with its name in JSON and CSV, its type and meaning.',
    body: joinParts(
      'A row of the audit table describes how and when one session ended. The name of the table is the setting [`table`](configuration.md#table), `session_audit` by default.',
      'In the database, times are UTC to the millisecond: `DATETIME(3)` on MySQL and MariaDB, ISO 8601 text in SQLite. In JSON and CSV they are ISO 8601 with `Z`. A null value is an empty cell in CSV.',
      'All times are by the clock of the collector. No time in a row is later than `received_at`.',
      'A session has one current row. A report that knows better adds a row that supersedes it: `revision` is one higher, and `supersedes` is the id of the corrected row. Rows never change, except that `lapse erase` empties their personal columns and replaces `session_key`. Only retention deletes rows. So `site`, `session_key` and `revision` are unique together, and `supersedes` is unique.',
      '## Columns',
      formatTable(
        ['Column', 'JSON and CSV', 'Type', 'Nullable', 'Description'],
        sessionEndFields.map((field) => [
          formatCode(field.column),
          formatCode(field.name),
          describeFieldType(field),
          field.isNullable ? 'yes' : 'no',
          requireDescription(field.description, `row field ${field.name}`),
        ]),
      ),
      '## Added by lists and exports',
      'These fields are not in the table. Lists and exports add them, after the others.',
      formatTable(
        ['JSON and CSV', 'Type', 'Nullable', 'Description'],
        Object.entries(addedFieldsSchema.shape).map(([name, schema]) => [
          formatCode(name),
          describeAddedType(schema),
          schema instanceof z.ZodNullable ? 'yes' : 'no',
          requireDescription(schema.description ?? '', `added field ${name}`),
        ]),
      ),
      ...sessionEndFields.map(formatValues),
    ),
  }
}

function describeAddedType(schema: z.ZodType): string {
  const type = schema instanceof z.ZodNullable ? schema.unwrap() : schema
  if (type instanceof z.ZodNumber) return 'integer'
  return type instanceof z.ZodBoolean ? 'boolean' : 'time'
}

function describeFieldType(field: SessionEndField): string {
  switch (field.kind) {
    case 'enum':
      return `[one of these values](#${field.column})`
    case 'number':
      return 'integer'
    case 'text':
      return `string (at most ${field.maxLength} characters)`
    default:
      return field.kind
  }
}

/** Lists the values of a field that has a fixed set of them. */
function formatValues(field: SessionEndField): string | false {
  if (field.kind !== 'enum') return false
  const rows = Object.entries(field.values).map(([value, meaning]) => [
    formatCode(value),
    requireDescription(meaning, `value ${value} of ${field.name}`),
  ])
  return joinParts(`## ${formatCode(field.column)}`, formatTable(['Value', 'Meaning'], rows))
}
