import { z } from 'zod'
import { browserActivityReportSchema, serverActivityReportSchema } from '../../domain/activityReport.ts'
import {
  browserEndReportSchema,
  serverEndReportSchema,
  subjectEndReportSchema,
} from '../../domain/endReport.ts'
import { errorCodes, type Problem } from '../../domain/errors.ts'
import { reasons } from '../../domain/verdict.ts'
import { listedLiveSessionSchema } from '../../reading/listedLiveSession.ts'
import { listedSessionEndSchema, sessionEndHistorySchema } from '../../reading/listedSessionEnd.ts'
import { historySessionSchema } from '../../reading/userHistory.ts'
import { alarmListSchema, siteStatusListSchema } from './siteSchemas.ts'
import { summarySchema } from './summarySchema.ts'

/** The response to a report. */
const recordedVerdictSchema = z.object({
  id: z
    .int()
    .positive()
    .nullable()
    .describe('The id of the row in the audit table. Null for a report that was only acknowledged.'),
  reason: z.enum(reasons).describe('Why the session ended.'),
  elapsedMs: z.int().nullable().describe('From the last access to the detection, in milliseconds.'),
  idleTimeoutSeconds: z.int().nullable().describe('The idle timeout that was applied, in seconds.'),
  duplicate: z.boolean().describe('Whether the session already had a row.'),
  recorded: z
    .literal(false)
    .exactOptional()
    .describe(
      'False for a report that was only acknowledged: a logout, or an end after which the session was still used. Absent if the session has a row.',
    ),
})

export type RecordedVerdict = z.output<typeof recordedVerdictSchema>

/** The response to a report that all sessions of a user have ended. */
const subjectEndAnswerSchema = z.object({
  lapses: z.array(recordedVerdictSchema).describe('The verdict on each live session of the user.'),
})

export type SubjectEndAnswer = z.output<typeof subjectEndAnswerSchema>

const fieldErrorSchema = z.union([
  z.object({
    detail: z.string().describe('What is wrong with this part.'),
    pointer: z.string().describe('The field of the body, as a JSON pointer (RFC 6901).'),
  }),
  z.object({
    detail: z.string().describe('What is wrong with this part.'),
    parameter: z.string().describe('The name of the query parameter.'),
  }),
])

/** The response to several reports of a server. */
const batchAnswerSchema = z.object({
  accepted: z
    .int()
    .nonnegative()
    .describe('How many reports were accepted, including those that changed nothing.'),
  rejected: z
    .array(
      z.object({
        index: z.int().nonnegative().describe('The position of the report in the array, from 0.'),
        errors: z.array(fieldErrorSchema).readonly().describe('What is wrong with the report.'),
      }),
    )
    .readonly()
    .describe('The reports that were refused. Sending them again does not help.'),
})

export type BatchAnswer = z.output<typeof batchAnswerSchema>

const problemSchema = z.object({
  type: z
    .templateLiteral(['urn:lapse:problem:', z.enum(listKeys(errorCodes))])
    .describe('Identifies the kind of error. It never changes.'),
  title: z.string().describe('A summary of the error.'),
  status: z.int().describe('The HTTP status.'),
  detail: z.string().describe('What happened and what to do.'),
  errors: z.array(fieldErrorSchema).readonly().exactOptional().describe('All invalid fields or parameters.'),
}) satisfies z.ZodType<Problem>

const rowSchema = listedSessionEndSchema.describe('A row of the audit table. Times are UTC.')

const pageSchema = z.object({
  lapses: z.array(rowSchema).describe('The rows, newest first. With `after`, in the order of the feed.'),
  next: z
    .string()
    .nullable()
    .describe(
      'The `cursor` of the next page, or null on the last page. With `after`, the `after` of the next page, which is never null.',
    ),
  total: z
    .int()
    .nonnegative()
    .nullable()
    .exactOptional()
    .describe('With `count=true`: the number of rows that match, or null if counting them takes too long.'),
  emptyBecause: z
    .object({
      filters: z.string().describe('The active filters.'),
      lastRowAt: z.iso
        .datetime()
        .nullable()
        .describe('When the newest row of the site, or of all sites, was detected. Null if there is none.'),
    })
    .exactOptional()
    .describe('Only if no row matches.'),
})

const liveSessionSchema = listedLiveSessionSchema.describe('A session that has not ended yet. Times are UTC.')

const livePageSchema = z.object({
  sessions: z.array(liveSessionSchema).describe('The sessions, by site and key.'),
  next: z.string().nullable().describe('The `cursor` of the next page, or null on the last page.'),
})

const historyPageSchema = z.object({
  sessions: z.array(historySessionSchema).describe('The sessions, newest start first.'),
  next: z.string().nullable().describe('The `cursor` of the next page, or null on the last page.'),
})

function describeTimes(sender: 'browser' | 'server'): string {
  return `Times are epoch milliseconds of the ${sender}'s clock. A time before the year 2000 is refused, because it is almost certainly in seconds. Unknown fields are ignored.`
}

/** The schemas of the HTTP API by their names in the document. */
const schemas = {
  BrowserEndReport: browserEndReportSchema.describe(`A report from a browser. ${describeTimes('browser')}`),
  ServerEndReport: serverEndReportSchema.describe(
    `A report from a server. It must have a \`session\` or a \`marker\`, and a \`reason\` or \`lastAccessAt\`. ${describeTimes('server')}`,
  ),
  SubjectEndReport: subjectEndReportSchema.describe(
    `A report from a server that all live sessions of a user have ended. ${describeTimes('server')}`,
  ),
  BrowserActivityReport: browserActivityReportSchema.describe(
    `A report from a browser that a session was used. ${describeTimes('browser')}`,
  ),
  ServerActivityReport: serverActivityReportSchema.describe(
    `A report from a server that a session was used. It must have a \`session\` or a \`marker\`. ${describeTimes('server')}`,
  ),
  SubjectEndAnswer: subjectEndAnswerSchema.describe('The verdicts on the sessions of a user.'),
  BatchAnswer: batchAnswerSchema.describe('The result of several reports.'),
  RecordedVerdict: recordedVerdictSchema.describe('The verdict on a reported session end.'),
  SessionEnd: rowSchema,
  SessionEndHistory: sessionEndHistorySchema.describe('A row with the rows that it corrects.'),
  SessionEndPage: pageSchema.describe('One page of rows.'),
  LiveSession: liveSessionSchema,
  LiveSessionPage: livePageSchema.describe('One page of live sessions.'),
  UserHistoryPage: historyPageSchema.describe("One page of a user's sessions."),
  Summary: summarySchema.describe('The session ends of a period, counted by time and reason.'),
  SiteStatusList: siteStatusListSchema.describe('Whether each site is still reporting.'),
  AlarmList: alarmListSchema.describe('What needs attention now.'),
  Problem: problemSchema.describe('An error (RFC 9457).'),
}

/** Refers to a schema of the document. */
export function referToSchema(name: keyof typeof schemas) {
  return { $ref: `#/components/schemas/${name}` }
}

/** Converts the schemas to JSON Schema 2020-12, the dialect of OpenAPI 3.1. */
export function createJsonSchemas(): Readonly<Record<string, object>> {
  const registry = z.registry<{ id: string }>()
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id })
  const generated = z.toJSONSchema(registry, { io: 'input', uri: (id) => `#/components/schemas/${id}` })
  const named = Object.entries(generated.schemas).map(([name, { $schema, $id, ...schema }]) => [name, schema])
  return Object.fromEntries(named)
}

function listKeys<Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] {
  // The tables are literals, so they have no other keys.
  return Object.keys(table) as Key[]
}
