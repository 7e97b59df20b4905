import { describeType, type JsonSchema } from './jsonSchema.ts'
import { formatCode, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import { loadOpenApiDocument } from './openApi.ts'
import type { Page } from './page.ts'

/** A field of a row, as the reference shows it. */
interface RowField {
  readonly name: string
  readonly column: string
  /** Markdown. */
  readonly type: string
  readonly isNullable: boolean
  readonly description: string
}

/** The reference of a row of the audit table. */
export function createSessionEndPage(): Page {
  const fields = listRowFields()
  return {
    file: 'session-end.md',
    title: 'The row',
    summary: 'Every column of the audit table, with its name in JSON and CSV, its type and meaning.',
    body: joinParts(
      'A row of the audit table describes how and when one session ended. The name of the table is the setting [`table`](configuration.md#table), `session_audit` by default.',
      'In the database, times are UTC to the millisecond: `DATETIME(3)` on MySQL and MariaDB, ISO 8601 text in SQLite. In JSON and CSV they are ISO 8601 with `Z`. A null value is an empty cell in CSV.',
      'All times are on the clock of the collector. No time in a row is later than `received_at`.',
      formatTable(
        ['Column', 'JSON and CSV', 'Type', 'Nullable', 'Description'],
        fields.map(({ column, name, type, isNullable, description }) => [
          formatCode(column),
          formatCode(name),
          type,
          isNullable ? 'yes' : 'no',
          requireDescription(description, `row field ${name}`),
        ]),
      ),
      'The pair `site` and `session_key` is unique: a session has one row.',
    ),
  }
}

function listRowFields(): RowField[] {
  const { properties = {} } = loadOpenApiDocument().components.schemas.Lapse ?? {}
  return Object.entries(properties).map(([name, schema]) => {
    const { type, isNullable } = splitNull(schema)
    return { name, column: toColumnName(name), type, isNullable, description: schema.description ?? '' }
  })
}

function splitNull(schema: JsonSchema): Pick<RowField, 'type' | 'isNullable'> {
  const alternatives = (schema.anyOf ?? [schema]).filter(({ type }) => type !== 'null')
  return {
    type: describeType({ anyOf: alternatives }),
    isNullable: alternatives.length < (schema.anyOf?.length ?? 1),
  }
}

function toColumnName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
