import { z } from 'zod'
import { type SessionEndField, sessionEndFields } from '../../domain/sessionEnd.ts'
import { validate } from '../../domain/validation/validate.ts'

const wholeNumber = z
  .string()
  .regex(/^-?\d+$/, { error: 'must be an integer' })
  .transform(BigInt)
const time = z.never({ error: 'cannot be compared, because every row has its own time' })
const booleanText = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => BigInt(value === 'true' || value === '1'))

/** The schema of the values that a column can have. Any text fits a text column. */
const schemas = new Map(sessionEndFields.map((field) => [field.column, createValueSchema(field)]))

function createValueSchema(field: SessionEndField): z.ZodType<string | bigint> {
  switch (field.kind) {
    case 'text':
      return z.string()
    case 'enum':
      return z.enum(Object.keys(field.values))
    case 'number':
      return wholeNumber
    case 'boolean':
      return booleanText
    case 'time':
      return time
  }
}

/** @returns why no row can have this value in this column of the audit table, or undefined if a row can. */
export function describeConditionFault(column: string, value: string): string | undefined {
  const schema = schemas.get(column.toLowerCase())
  const result = schema && validate(schema, value)
  return result?.success === false ? result.faults[0]?.detail : undefined
}

/** Converts a value to the type of its column. SQLite does not convert text to a number when it compares. */
export function toComparedValue(column: string, value: string): string | bigint {
  return schemas.get(column.toLowerCase())?.parse(value) ?? value
}
