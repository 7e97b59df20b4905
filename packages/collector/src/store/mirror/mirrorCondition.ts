import { z } from 'zod'
import { browserEndReportSchema } from '../../domain/endReport.ts'
import { evidences } from '../../domain/sessionEnd.ts'
import { validate } from '../../domain/validation/validate.ts'
import { reasons } from '../../domain/verdict.ts'

const integer = z
  .string()
  .regex(/^-?\d+$/, { error: 'must be an integer' })
  .transform(BigInt)
const time = z.never({ error: 'cannot be compared, because every row has its own time' })
const boolean = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => BigInt(value === 'true' || value === '1'))

/** The possible values of the columns of the audit table. All other columns hold free text. */
const columnSchemas = new Map<string, z.ZodType<string | bigint>>(
  Object.entries({
    reason: z.enum(reasons),
    evidence: z.enum(evidences),
    detected_by: z.enum([...browserEndReportSchema.shape.detectedBy.options, 'server']),
    browser_restarted: boolean,
    id: integer,
    elapsed_ms: integer,
    idle_timeout_seconds: integer,
    absolute_timeout_seconds: integer,
    clock_skew_ms: integer,
    started_at: time,
    last_access_at: time,
    expired_at: time,
    detected_at: time,
    received_at: time,
  }),
)

/** @returns why no row can have this value in this column of the audit table, or undefined if rows can. */
export function describeConditionFault(column: string, value: string): string | undefined {
  const schema = columnSchemas.get(column.toLowerCase())
  const result = schema && validate(schema, value)
  return result?.success === false ? result.faults[0]?.detail : undefined
}

/** Converts the value to the column's type: SQLite never considers a text equal to a number. */
export function toComparedValue(column: string, value: string): string | bigint {
  return columnSchemas.get(column.toLowerCase())?.parse(value) ?? value
}
