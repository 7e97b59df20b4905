import { dashboardSite } from '../../auth/dashboardSession.ts'
import { LapseError } from '../../domain/errors.ts'
import {
  describeOriginFault,
  isAllowedOrigin,
  opaqueOrigin,
  opaqueOriginAdvice,
} from '../../domain/origin.ts'
import type { Site } from '../../domain/site.ts'
import { escapeUnsafe } from '../../domain/text/plainText.ts'
import type { Context } from '../context.ts'
import { isSameOrigin } from './sameOrigin.ts'

/** What the column holds. */
const originLength = 255

/**
 * The origin of the page that sent the request, or nothing where no browser sent it.
 *
 * @throws {LapseError} `origin-refused` for one that may not report for the site.
 */
export function assertOrigin(ctx: Context, siteName: string, site: Site): string | undefined {
  const origin = ctx.get('Origin')
  if (origin === '') return undefined
  // Nearly every report comes from an origin that is listed as it is. One with a wildcard is no origin.
  if (!origin.includes('*') && site.origins.includes(origin)) return origin
  if (origin === opaqueOrigin)
    throw new LapseError('origin-refused', `The origin of the page is unknown: ${opaqueOriginAdvice}.`)
  if (origin.length > originLength || describeOriginFault(origin) !== undefined)
    throw new LapseError(
      'origin-refused',
      `"${escapeUnsafe(origin.slice(0, originLength))}" is not an origin as browsers send it, such as https://app.acme.com. Leave the Origin header to the browser.`,
    )
  const isOwn = siteName === dashboardSite && isSameOrigin(ctx)
  if (isOwn || isAllowedOrigin(site.origins, origin)) return origin
  throw new LapseError('origin-refused', `Add ${origin} to the origins of the site "${siteName}".`)
}
