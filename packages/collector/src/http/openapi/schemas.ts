import { z } from 'zod'
import { browserEndReportSchema, serverEndReportSchema } from '../../domain/endReport.ts'
import { errorCodes, type Problem } from '../../domain/errors.ts'
import { sessionEndSchema } from '../../domain/sessionEnd.ts'
import { reasons } from '../../domain/verdict.ts'
import { buckets } from '../../reading/buckets.ts'

/** What an event is answered with. */
const recordedVerdictSchema = z.object({
  id: z.int().positive().describe('The row in the audit table.'),
  reason: z.enum(reasons),
  elapsedMs: z.int().nullable().describe('From the last access to the detection, in milliseconds.'),
  idleTimeoutSeconds: z.int().nullable(),
  duplicate: z.boolean().describe('Whether the row was there already.'),
})

export type RecordedVerdict = z.output<typeof recordedVerdictSchema>

const problemSchema = z.object({
  type: z.templateLiteral(['urn:lapse:problem:', z.enum(keysOf(errorCodes))]),
  title: z.string(),
  status: z.int().describe('The HTTP status.'),
  detail: z.string().describe('What happened, and what to do.'),
  errors: z
    .array(
      z.union([
        z.object({
          detail: z.string(),
          pointer: z.string().describe('A JSON pointer into the body (RFC 6901).'),
        }),
        z.object({ detail: z.string(), parameter: z.string().describe('A parameter of the query.') }),
      ]),
    )
    .readonly()
    .exactOptional()
    .describe('Every bad part of the request.'),
}) satisfies z.ZodType<Problem>

const instant = z.iso.datetime()

const pageSchema = z.object({
  lapses: z.array(sessionEndSchema),
  next: z.string().nullable().describe('The `cursor` of the next page.'),
})

const quantile = z.number().nullable().describe('In milliseconds; off by 1 % at most, or by half a second.')

const summarySchema = z.object({
  bucket: z.enum(buckets),
  timeZone: z.string(),
  from: instant,
  to: instant,
  buckets: z
    .array(
      z.object({
        start: instant,
        counts: z.partialRecord(z.enum(reasons), z.int().positive()).describe('By reason.'),
      }),
    )
    .describe('Those in which a session ended.'),
  pastLimit: z
    .object({
      count: z.int(),
      p50Ms: quantile,
      p75Ms: quantile,
      p90Ms: quantile,
      p95Ms: quantile,
      p99Ms: quantile,
      histogram: z.array(
        z.object({ fromMs: z.int(), toMs: z.int().nullable().describe('Null: no end.'), count: z.int() }),
      ),
    })
    .describe('For how long the idle timeout was over when people came back.'),
})

/** What the HTTP API takes and gives, under the names that the reference uses. */
const schemas = {
  BrowserEvent: browserEndReportSchema.describe(
    'What a browser reports. Times are epoch milliseconds of its clock; unknown fields are ignored.',
  ),
  ServerEvent: serverEndReportSchema.describe(
    'What a server reports: site, session or marker, and a reason or the times are enough.',
  ),
  RecordedVerdict: recordedVerdictSchema,
  Lapse: sessionEndSchema.describe('A row of the audit table. Times are UTC.'),
  LapsePage: pageSchema,
  Summary: summarySchema,
  Problem: problemSchema.describe('An error (RFC 9457).'),
}

/** Points to a schema of the document. */
export function schemaRef(name: keyof typeof schemas) {
  return { $ref: `#/components/schemas/${name}` }
}

/** The schemas as JSON Schema 2020-12, which is the dialect of OpenAPI 3.1. */
export function jsonSchemas(): Readonly<Record<string, object>> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const generated = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` })
  const named = Object.entries(generated.schemas).map(([name, { $schema, $id, ...schema }]) => [name, schema])
  return Object.fromEntries(named)
}

function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] {
  // A table written out in the source has no other keys.
  return Object.keys(table) as Key[]
}
