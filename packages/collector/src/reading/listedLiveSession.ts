import type { z } from 'zod'
import { liveSessionSchema } from '../domain/liveSession.ts'

/** A live session as lists show it, without what only the sweep and later reports need. */
export const listedLiveSessionSchema = liveSessionSchema.omit({
  signedInAt: true,
  clockSkewMs: true,
  dueAt: true,
  waitMs: true,
})

export type ListedLiveSession = Readonly<z.output<typeof listedLiveSessionSchema>>

/** The names of all fields, in the order of JSON and CSV. */
// The keys of the shape are those of its type.
export const listedLiveFieldNames = Object.keys(listedLiveSessionSchema.shape) as (keyof ListedLiveSession)[]
