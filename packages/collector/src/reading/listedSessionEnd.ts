import { z } from 'zod'
import { sessionEndSchema, timeSchema } from '../domain/sessionEnd.ts'

/** What lists and exports add to a row. It is not in the audit table, because rows never change. */
export const addedFieldsSchema = z.object({
  supersededBy: z
    .int()
    .positive()
    .nullable()
    .describe('The id of the row that corrects this row. Null if this row is current.'),
  needsReview: z
    .boolean()
    .describe(
      'Whether this row corrects a row with the same evidence, so that neither can be trusted more. Compare the two.',
    ),
  returnedAt: timeSchema
    .nullable()
    .describe('When the user first came back after this timeout. Only timeouts from the sweep have it.'),
  resumedAt: timeSchema
    .nullable()
    .describe('Since when the session has been in use again. Null unless it is live.'),
})

export const listedSessionEndSchema = sessionEndSchema.extend(addedFieldsSchema.shape)

/** A row as lists and exports show it: with what has become known about it since it was written. */
export type ListedSessionEnd = Readonly<z.output<typeof listedSessionEndSchema>>

/** The names of all fields, in the order of JSON and CSV. */
// The keys of the shape are those of its type.
export const listedFieldNames = Object.keys(listedSessionEndSchema.shape) as (keyof ListedSessionEnd)[]

export const sessionEndHistorySchema = listedSessionEndSchema.extend({
  earlierRevisions: z
    .array(listedSessionEndSchema)
    .describe('The rows that this row corrects, directly or through another row. The newest comes first.'),
})

/** A row with the rows that it corrects. */
export type SessionEndHistory = Readonly<z.output<typeof sessionEndHistorySchema>>
