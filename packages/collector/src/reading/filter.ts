import { z } from 'zod'
import { evidenceKinds } from '../domain/evidence.ts'
import { maxLengths } from '../domain/sessionEnd.ts'
import { createPlainTextSchema, maxEpochMs } from '../domain/validation/fieldSchemas.ts'
import { reasons } from '../domain/verdict.ts'
import { changingFlags } from './search/flags.ts'
import { parseSearch, type Search, SearchError, type Term } from './search/parseSearch.ts'

const instant = z
  .union(
    [
      z.iso.datetime({ offset: true }),
      z.iso.datetime({ offset: true, precision: -1 }),
      z.iso.date(),
      z
        .string()
        .regex(/^\d{12,15}$/)
        .transform(Number),
    ],
    {
      error:
        'must be a time with a UTC offset, such as 2026-01-02T13:30:00Z, a date, or a time in epoch milliseconds',
    },
  )
  .transform((time) => new Date(time))
  .refine((time) => time.getTime() >= 0 && time.getTime() <= maxEpochMs, {
    error: 'must be between the years 1970 and 9999',
  })

/** The most rows that one page of a list can have. */
export const maxPageSize = 1000
/** The number of rows on a page if the reader does not choose one. */
export const defaultPageSize = 50

const limitRule = { error: `must be a whole number from 1 to ${maxPageSize}` }

/** The number of rows on a page. `z.coerce` would also accept 1e3 and 0x10. */
export const pageLimitSchema = z.preprocess(
  (text) => (/^\d+$/.test(String(text)) ? Number(text) : text),
  z.int(limitRule).min(1, limitRule).max(maxPageSize, limitRule),
)

/** A search, as in the search field of the dashboard. */
const searchSchema = z.string().transform((text, { addIssue }): Search => {
  try {
    return parseSearch(text)
  } catch (error) {
    if (!(error instanceof SearchError)) throw error
    addIssue(`has an ${error.message}`)
    return z.NEVER
  }
})

/** A search that can select rows of the feed, which checks each row once, when it passes it. */
export const feedSearchSchema = searchSchema.refine(({ terms }) => !terms.some(hasChangingFlag), {
  error: `must not contain ${changingFlags.map((flag) => `\`flag:${flag}\``).join(', ')} here, even excluded: later rows can change these flags, but each row is checked only once`,
})

function hasChangingFlag({ key, values }: Term): boolean {
  return key === 'flag' && values.some(({ text }) => changingFlags.some((flag) => flag === text))
}

const filterSchema = z
  .strictObject({
    site: createPlainTextSchema(maxLengths.site).optional(),
    subject: createPlainTextSchema(maxLengths.id).optional(),
    session: createPlainTextSchema(maxLengths.id).optional(),
    reason: z.enum(reasons).optional(),
    evidence: z.enum(evidenceKinds).optional(),
    from: instant.optional(),
    to: instant.optional(),
    search: searchSchema.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    error: 'must be later than `from`',
  })

/** Selects the rows that match every field. `from` (inclusive) and `to` (exclusive) limit the detection time. */
export const sessionEndFilterSchema = filterSchema.refine(
  ({ search }) => !search?.terms.some(requiresSuperseded),
  { path: ['search'], error: 'cannot find superseded rows here' },
)

/** A checked filter. */
export type SessionEndFilter = Readonly<z.output<typeof sessionEndFilterSchema>>

export const revisionChoices = ['current', 'all'] as const
const selftestChoices = ['exclude', 'include'] as const

const selectionSchema = filterSchema.safeExtend({
  revisions: z.enum(revisionChoices).default('current'),
  selftests: z.enum(selftestChoices).default('exclude'),
})

/**
 * Selects what a list shows: the rows that match the filter, without or with those that were corrected and those of
 * self-tests.
 */
export const sessionEndSelectionSchema = selectionSchema.refine(
  ({ search, revisions }) => revisions === 'all' || !search?.terms.some(requiresSuperseded),
  { path: ['search'], error: 'finds superseded rows only with `revisions=all`' },
)

/** Selects what the feed contains, or a list that adds new rows as they are written. */
export const feedSelectionSchema = selectionSchema.safeExtend({ search: feedSearchSchema.optional() })

function requiresSuperseded({ key, values, isExcluded }: Term): boolean {
  return key === 'flag' && !isExcluded && values.some(({ text }) => text === 'superseded')
}

export type SessionEndSelection = SessionEndFilter & {
  /** `current` by default: only rows that no other row supersedes. */
  readonly revisions?: (typeof revisionChoices)[number]
  /** `exclude` by default: no rows of `lapse selftest`. Summaries never count them. */
  readonly selftests?: (typeof selftestChoices)[number]
}

/** A half-open interval: `from` is inclusive, `to` is exclusive. */
export interface TimeSpan {
  readonly from: Date
  readonly to: Date
}
