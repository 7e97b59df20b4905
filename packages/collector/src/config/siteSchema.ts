import { z } from 'zod'
import { describeOriginFault } from '../domain/origin.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import type { Environment } from './environment.ts'
import { ticketKeySchemaOf } from './ticketKeySchema.ts'

const seconds = z
  .int()
  .positive()
  .max(400 * 86_400)

const origin = z
  .string()
  .max(255)
  .superRefine((text, context) => {
    const message = describeOriginFault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

/** Keys rotate: a few at a time. Each of them may be tried for a ticket. */
const maxTicketKeys = 10

/** A hundred years. Much longer ago there is no time that a database could compare with. */
const maxRetentionDays = 36_500

/** What a configuration says of one site. Where secrets are not used, one that is not set is no fault. */
export const siteSchemaOf = (environment: Environment, areSecretsUsed: boolean) =>
  z
    .strictObject({
      origins: z.array(origin).min(1),
      idleTimeoutSeconds: seconds,
      absoluteTimeoutSeconds: seconds.optional(),
      graceSeconds: z.number().min(0).optional(),
      ticketKeys: z
        .array(ticketKeySchemaOf(environment, areSecretsUsed))
        .max(maxTicketKeys, { error: `write at most ${maxTicketKeys} keys` })
        .default([]),
      requireTicket: z.boolean().default(false),
      ip: z.enum(['truncated', 'full', 'none']).default('truncated'),
      retentionDays: z.int().positive().max(maxRetentionDays).optional(),
    })
    .superRefine((site, context) => {
      const { idleTimeoutSeconds: idle, graceSeconds = 0 } = site
      // What is no time limit at all is named already.
      if (!(idle > 0) || graceSeconds < idle) return
      // Every session would have timed out from its first second on.
      const message = `must be less than idleTimeoutSeconds (${idle})`
      context.addIssue({ code: 'custom', path: ['graceSeconds'], message })
    }, runDespiteErrors)

/** A checked site, with all defaults filled in. */
export type CheckedSite = z.output<ReturnType<typeof siteSchemaOf>>
