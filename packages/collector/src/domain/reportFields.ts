import { z } from 'zod'
import { maxLengths } from './sessionEnd.ts'
import { createPlainTextSchema, idSchema } from './validation/fieldSchemas.ts'

/** Accepts null and a missing field alike. */
export const optional = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value) => value ?? undefined)

export const markerSchema = z.guid().toLowerCase()

/** The fields that all reports share. */
export const sharedReportFields = {
  site: createPlainTextSchema(maxLengths.site).describe(
    'The audited application, by its name in the configuration.',
  ),
  session: optional(idSchema).describe(
    "The session alias: a random id that stays the same for the session's whole life. Never the session's own id. An integer is converted to a string.",
  ),
  subject: optional(idSchema).describe(
    'An opaque id of the user. Never a name or an email address. An integer is converted to a string, so `42` and `"42"` are the same user.',
  ),
  ticket: optional(z.string().min(1)).describe('A JWT of type `lapse+jwt`, signed by the application.'),
  client: optional(createPlainTextSchema(maxLengths.clientVersion)).describe('The version of the client.'),
}

/** The JSON Schema of an object in which at least one of two fields is present and not null. */
export function requireEither(...names: readonly [string, string]) {
  return {
    anyOf: names.map((name) => ({ required: [name], properties: { [name]: { not: { type: 'null' } } } })),
  }
}
