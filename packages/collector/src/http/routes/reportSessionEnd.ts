import { type EndReport, parseEndReport } from '../../domain/endReport.ts'
import { LapseError } from '../../domain/errors.ts'
import { judgeReport } from '../../domain/judgeReport.ts'
import type { Site } from '../../domain/site.ts'
import { replaceUnsafe } from '../../domain/text/plainText.ts'
import { type TicketClaims, verifyTicket } from '../../domain/ticket.ts'
import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import type { RecordedVerdict } from '../openapi/schemas.ts'
import { keptAddress } from '../request/address.ts'
import { assertOrigin } from '../request/assertOrigin.ts'
import { assertReporter, authenticate } from '../request/authenticate.ts'
import { readJson } from '../request/readJson.ts'

/** What the column holds. */
const userAgentLength = 512

/** `POST /v1/lapses`: checks an event, judges it, and answers when its row is committed. */
export function reportSessionEnd({ settings, store, writer, metrics }: CollectorParts): Middleware {
  return async (ctx) => {
    const sender = ctx.get('Authorization') === '' ? 'browser' : 'server'
    const event = parseEndReport(await readJson(ctx), sender)
    ctx.state.logged.site = event.site
    const site = Object.hasOwn(settings.sites, event.site) ? settings.sites[event.site] : undefined
    if (!site)
      throw new LapseError('unknown-site', `This collector has no site "${event.site}". Add it to "sites".`)

    const origin = assertOrigin(ctx, event.site, site)
    const token = await authenticate(ctx, { scope: 'write', tokens: store.tokens })
    if (token) assertReporter(token, event.site)
    else if (event.detectedBy === 'server')
      throw new LapseError(
        'token-refused',
        'A server sends a token with the scope "write": lapse token create.',
      )

    const receivedAt = Date.now()
    const claims = await claimsOf(event, site, receivedAt)
    const lapse = judgeReport(event, claims, site, {
      receivedAt,
      origin,
      ip: keptAddress(ctx.state.address, site.ip),
      userAgent: replaceUnsafe(ctx.get('User-Agent')).slice(0, userAgentLength) || undefined,
    })
    const { row, duplicate } = await writer.write(lapse)

    const { id, reason, elapsedMs, idleTimeoutSeconds } = row
    Object.assign(ctx.state.logged, { id, reason, duplicate })
    metrics.observeVerdict(row, duplicate)
    ctx.status = duplicate ? 200 : 201
    ctx.body = { id, reason, elapsedMs, idleTimeoutSeconds, duplicate } satisfies RecordedVerdict
  }
}

async function claimsOf(
  { ticket, site: name, detectedBy }: EndReport,
  site: Site,
  now: number,
): Promise<TicketClaims | undefined> {
  if (ticket !== undefined) return verifyTicket(ticket, { site: name, keys: site.ticketKeys, now })
  // A server's token says more than a ticket could.
  if (site.requireTicket && detectedBy !== 'server')
    throw new LapseError('ticket-refused', `The site "${name}" takes events with a ticket only.`)
  return undefined
}
