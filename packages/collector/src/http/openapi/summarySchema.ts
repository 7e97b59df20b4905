import { z } from 'zod'
import { reasons } from '../../domain/verdict.ts'
import { buckets } from '../../reading/buckets.ts'
import { flagDescriptions } from '../../reading/search/flags.ts'
import { countedFlags } from '../../reading/summaryRepository.ts'

const instant = z.iso.datetime()
const count = z.int().nonnegative()
const reasonCounts = z
  .partialRecord(z.enum(reasons), z.int().positive())
  .describe('The number of session ends by reason.')

const bucketList = z
  .array(z.object({ start: instant.describe('The start of the bucket.'), counts: reasonCounts }))
  .describe('The buckets with at least one session end.')

const totals = z
  .object({
    ended: count.describe('The number of session ends.'),
    idleTimeouts: count.describe('The number of idle timeouts.'),
    returnedWithin10Minutes: count.describe(
      'The number of idle timeouts after which the user came back less than ten minutes past the limit.',
    ),
    needReview: count
      .nullable()
      .describe('The number of rows that `flag:review` finds. Null if counting them took too long.'),
  })
  .describe('The counts of the whole period.')

const percentile = (percent: number) =>
  z
    .number()
    .nullable()
    .describe(
      `The ${percent}th percentile, in milliseconds. It is accurate to 1 %, or to half a second below five minutes. Null if \`count\` is 0.`,
    )

const pastLimit = z
  .object({
    count: z.int().describe('The number of idle timeouts after which users came back.'),
    notReturned: z
      .int()
      .describe('The number of idle timeouts that the sweep recorded and after which nobody has come back.'),
    p50Ms: percentile(50),
    p75Ms: percentile(75),
    p90Ms: percentile(90),
    p95Ms: percentile(95),
    p99Ms: percentile(99),
    histogram: z
      .array(
        z.object({
          fromMs: z.int().describe('The lower end of the bar, in milliseconds.'),
          toMs: z
            .int()
            .nullable()
            .describe('The upper end of the bar, in milliseconds. Null for the last bar.'),
          count: z.int().describe('The number of idle timeouts in the bar.'),
        }),
      )
      .describe('The distribution.'),
  })
  .describe('How long after the idle timeout users came back, according to reports from browsers.')

const site = z.object({
  site: z.string().describe('The name of the site.'),
  ended: count.describe('The number of session ends.'),
  idleTimeouts: count.describe('The number of idle timeouts.'),
  idleTimeoutSeconds: z
    .int()
    .nullable()
    .describe('The idle timeout in the configuration. Null if the site is not configured.'),
  pastLimit,
  keptBy: z
    .array(
      z.object({
        extraMinutes: z.int().describe('By how many minutes the idle timeout would be longer.'),
        count: count.describe('The number of users who came back before that limit.'),
      }),
    )
    .describe('How many of the users who came back a longer idle timeout would have kept signed in.'),
})

const group = z.object({
  key: z.string().nullable().describe('The value that the rows share. Null if it is unknown.'),
  count: count.describe('The number of session ends.'),
  counts: reasonCounts,
  previousCount: count
    .exactOptional()
    .describe('The number in the previous period. Only with `compare=previous`.'),
})

export const summarySchema = z.object({
  bucket: z.enum(buckets).describe('The length of a bucket.'),
  timeZone: z.string().describe('The time zone in which days begin.'),
  from: instant.describe('The start of the period, inclusive.'),
  to: instant.describe('The end of the period, exclusive.'),
  buckets: bucketList,
  totals,
  pastLimit,
  sites: z
    .array(site)
    .nullable()
    .describe('The sites with at least one session end, biggest first. Null if reading them took too long.'),
  previous: z
    .object({
      from: instant.describe('The start of the previous period.'),
      to: instant.describe('The end of the previous period.'),
      buckets: bucketList,
      totals,
    })
    .exactOptional()
    .describe('The previous period. Only with `compare=previous`.'),
  groups: z
    .array(group)
    .nullable()
    .exactOptional()
    .describe('The biggest groups, biggest first. Only with `groupBy`. Null if counting them took too long.'),
  otherCount: count
    .nullable()
    .exactOptional()
    .describe('The number of session ends in all other groups. Only with `groupBy`. Null like `groups`.'),
  flags: z
    .object(Object.fromEntries(countedFlags.map((flag) => [flag, count.describe(flagDescriptions[flag])])))
    .nullable()
    .exactOptional()
    .describe(
      'The number of rows with each flag. Only with `flags=true`. Null if counting them took too long.',
    ),
})
