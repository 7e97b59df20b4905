import { dashboardSite } from '../../auth/dashboardSession.ts'
import { isTokenLive, matchesToken, mayRead, type Token, type TokenScope, tokenId } from '../../auth/token.ts'
import type { TokenRepository } from '../../auth/tokenRepository.ts'
import { LapseError } from '../../domain/errors.ts'
import type { SessionEndFilter } from '../../reading/filter.ts'
import type { Context } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { findOpenSession, readCookie, readSession, recordAccess } from './dashboardCookie.ts'

interface Demand {
  readonly scope: TokenScope
  readonly tokens: Pick<TokenRepository, 'find'>
}

/**
 * The token of the request's `Authorization: Bearer` (RFC 6750), or nothing if it has none.
 *
 * @throws {LapseError} `token-refused` for one that is not good, `forbidden` for one of another scope.
 */
export async function authenticate(ctx: Context, demand: Demand): Promise<Token | undefined> {
  const header = ctx.get('Authorization')
  if (header === '') return undefined
  return tokenOf(ctx, /^Bearer +(\S+)$/i.exec(header)?.[1] ?? '', demand)
}

/**
 * The token that a text is.
 *
 * @throws {LapseError} `token-refused` for one that is not good, `forbidden` for one of another scope.
 */
export async function tokenOf(ctx: Context, text: string, { scope, tokens }: Demand): Promise<Token> {
  const id = tokenId(text)
  const token = id === undefined ? undefined : await tokens.find(id)
  if (!token || !matchesToken(token, text) || !isTokenLive(token, Date.now())) {
    throw new LapseError(
      'token-refused',
      'Send a token that is neither revoked nor expired: lapse token list.',
    )
  }
  ctx.state.logged.token = token.id
  if (token.scope !== scope) {
    throw new LapseError('forbidden', `This needs a token with the scope "${scope}": lapse token create.`)
  }
  return token
}

/** Whoever reads the audit, and by what right. */
export interface Reader {
  readonly token: Token
  /** Checks the right again: the token may have been revoked since, or the session may have ended. */
  mayGoOn(): Promise<boolean>
}

/**
 * Whoever reads the audit: by a token of the scope `read` that the request brings, or by a session of the dashboard.
 *
 * @throws {LapseError} `token-refused` without one that is good, `forbidden` for one of another scope.
 */
export async function authenticateReader(ctx: Context, parts: CollectorParts): Promise<Reader> {
  const { tokens } = parts.store
  const token = await authenticate(ctx, { scope: 'read', tokens })
  if (token) {
    return {
      token,
      async mayGoOn() {
        const now = await tokens.find(token.id)
        return now !== undefined && mayRead(now, Date.now())
      },
    }
  }
  const open = await readSession(ctx, parts)
  if (!open) throw new LapseError('token-refused', 'Send a token with the scope "read": lapse token create.')
  ctx.state.logged.token = open.token.id
  await recordAccess(ctx, open, parts)
  return {
    token: open.token,
    mayGoOn: async () => (await findOpenSession(open.session.cookieHash, parts)) !== undefined,
  }
}

/** Whether the request says who sends it, by a bearer token or the cookie of the dashboard. */
export function hasCredentials(ctx: Context): boolean {
  return ctx.get('Authorization') !== '' || readCookie(ctx) !== undefined
}

/**
 * Checks that a server's token may report for a site. The dashboard's own sessions are reported by the collector: only a
 * token that is made for them may add to that.
 *
 * @throws {LapseError} `forbidden`
 */
export function assertReporter(token: Token, site: string): void {
  assertSite(token, site)
  if (site === dashboardSite && token.site !== dashboardSite)
    throw new LapseError(
      'forbidden',
      `Sessions of the dashboard are reported by the collector itself. A token of the site "${dashboardSite}" may add to that.`,
    )
}

/** @throws {LapseError} `forbidden` for a token of another site. */
function assertSite(token: Token, site: string): void {
  if (token.site !== null && token.site !== site)
    throw new LapseError('forbidden', `This token is good for the site "${token.site}" only.`)
}

/**
 * A filter that lets through no more than the token allows: its own site, where it is bound to one.
 *
 * @throws {LapseError} `forbidden` where the filter names another site.
 */
export function confined<Filter extends SessionEndFilter>(token: Token, filter: Filter): Filter {
  if (token.site === null) return filter
  if (filter.site !== undefined) assertSite(token, filter.site)
  return { ...filter, site: token.site }
}
