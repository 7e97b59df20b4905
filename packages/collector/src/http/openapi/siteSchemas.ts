import { z } from 'zod'
import { alarmKinds } from '../../domain/alarms/alarm.ts'

const instant = z.iso.datetime()

const siteStatusSchema = z.object({
  site: z.string().describe('The name of the site.'),
  lastRowAt: instant
    .nullable()
    .describe('When its newest row was detected, without self-tests. Null if it has no rows.'),
  lastActivityAt: instant
    .nullable()
    .describe('The latest use of a live session. Null if it has no live sessions.'),
  liveSessions: z.int().nonnegative().describe('The number of its live sessions, without self-tests.'),
  today: z
    .object({
      count: z.int().nonnegative().describe('How many sessions have ended since midnight.'),
      usual: z
        .int()
        .nonnegative()
        .nullable()
        .describe(
          'The median of the same weekday and hours of the last four weeks. Null for a site without history.',
        ),
      until: instant.describe('The end of the hours that are compared.'),
    })
    .describe('The session ends of the current day in `timeZone`.'),
  silent: z
    .object({
      since: instant.describe('The last row or activity.'),
      limitSeconds: z
        .int()
        .describe('After how much time in its usual hours the site counts as silent, in seconds.'),
    })
    .nullable()
    .describe('Null unless nothing has come from the site for unusually long.'),
  lastSelftestAt: instant.nullable().describe('When its newest row of `lapse selftest` was detected.'),
  idleTimeoutSeconds: z.int().positive().describe('The idle timeout of its configuration, in seconds.'),
  alarms: z.int().nonnegative().describe('The number of its alarms.'),
})

const alarmSchema = z.object({
  kind: z.enum(alarmKinds).describe('What the alarm is about.'),
  site: z.string().describe('The name of the site.'),
  since: instant.describe(
    'When it started: the last sign of a silent site, otherwise the start of the window.',
  ),
  message: z.string().describe('What happened and what to do.'),
  detail: z
    .record(z.string(), z.union([z.string(), z.number()]))
    .describe('The figures that led to the alarm. They depend on the kind.'),
})

const generatedAt = instant.describe('When this was computed. It may be some seconds old.')

export const siteStatusListSchema = z.object({
  sites: z.array(siteStatusSchema).describe('The configured sites. Silent ones come first.'),
  generatedAt,
})

export const alarmListSchema = z.object({
  alarms: z.array(alarmSchema).describe('The current alarms.'),
  generatedAt,
})
