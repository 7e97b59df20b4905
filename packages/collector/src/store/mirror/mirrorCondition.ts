import { z } from 'zod'
import { browserEndReportSchema } from '../../domain/endReport.ts'
import { evidences } from '../../domain/sessionEnd.ts'
import { validate } from '../../domain/validation/validate.ts'
import { reasons } from '../../domain/verdict.ts'

const wholeNumber = z
  .string()
  .regex(/^-?\d+$/, { error: 'write a whole number' })
  .transform(BigInt)
const time = z.never({ error: 'compare no times: each row has its own' })
const truth = z
  .enum(['true', 'false', '1', '0'])
  .transform((value) => BigInt(value === 'true' || value === '1'))

/** What the columns of the audit table hold that are no free text. */
const valuesOf = new Map<string, z.ZodType<string | bigint>>(
  Object.entries({
    reason: z.enum(reasons),
    evidence: z.enum(evidences),
    detected_by: z.enum([...browserEndReportSchema.shape.detectedBy.options, 'server']),
    browser_restarted: truth,
    id: wholeNumber,
    elapsed_ms: wholeNumber,
    idle_timeout_seconds: wholeNumber,
    absolute_timeout_seconds: wholeNumber,
    clock_skew_ms: wholeNumber,
    started_at: time,
    last_access_at: time,
    expired_at: time,
    detected_at: time,
    received_at: time,
  }),
)

/** Why no row can have this value in this column of the audit table, if so. */
export function conditionFault(column: string, value: string): string | undefined {
  const schema = valuesOf.get(column.toLowerCase())
  const result = schema && validate(schema, value)
  return result?.success === false ? result.faults[0]?.detail : undefined
}

/** The value as the database has it: SQLite takes no text for a number. */
export function comparedValue(column: string, value: string): string | bigint {
  return valuesOf.get(column.toLowerCase())?.parse(value) ?? value
}
