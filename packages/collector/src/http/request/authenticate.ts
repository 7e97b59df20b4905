import { dashboardSite } from '../../auth/dashboardSession.ts'
import {
  isTokenValid,
  matchesToken,
  mayRead,
  readTokenId,
  type Token,
  type TokenScope,
} from '../../auth/token.ts'
import type { TokenRepository } from '../../auth/tokenRepository.ts'
import { LapseError } from '../../domain/errors.ts'
import type { Context } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { findOpenSession, readCookie, readSession, recordAccess } from './dashboardCookie.ts'

interface Requirement {
  readonly scope: TokenScope
  readonly tokens: Pick<TokenRepository, 'find'>
}

/**
 * Authenticates the request by its `Authorization: Bearer` header (RFC 6750).
 *
 * @returns undefined if the request has no `Authorization` header.
 * @throws {LapseError} `token-refused` for an invalid token, `forbidden` for one with another scope.
 */
async function authenticate(ctx: Context, requirement: Requirement): Promise<Token | undefined> {
  if (ctx.get('Authorization') === '') return undefined
  return findToken(ctx, readBearerToken(ctx), requirement)
}

/** Returns an empty string if the header is missing or has another scheme. */
function readBearerToken(ctx: Context): string {
  return /^Bearer +(\S+)$/i.exec(ctx.get('Authorization'))?.[1] ?? ''
}

/**
 * Finds a token by its text.
 *
 * @throws {LapseError} `token-refused` for an invalid token, `forbidden` for one with another scope.
 */
export async function findToken(ctx: Context, text: string, { scope, tokens }: Requirement): Promise<Token> {
  const id = readTokenId(text)
  const token = id === undefined ? undefined : await tokens.find(id)
  if (!token || !matchesToken(token, text) || !isTokenValid(token, Date.now()))
    throw new LapseError(
      'token-refused',
      'The token is unknown, revoked or expired. Run "lapse token list" to see which tokens are valid.',
    )
  ctx.state.logFields.token = token.id
  if (token.scope !== scope) throw createWrongScopeError(scope)
  return token
}

/** A client that may read the audit. */
export interface Reader {
  readonly token: Token
  /** Checks again: the token may have been revoked, or the dashboard session may have ended. */
  mayStillRead(): Promise<boolean>
}

/**
 * Authenticates a reader by a token with the scope `read`, or by the cookie of a dashboard session.
 *
 * @throws {LapseError} `token-refused` without valid credentials, `forbidden` for a token with another scope.
 */
export async function authenticateReader(ctx: Context, dependencies: Dependencies): Promise<Reader> {
  const { tokens } = dependencies.store
  const token = await authenticate(ctx, { scope: 'read', tokens })
  if (token) {
    return {
      token,
      async mayStillRead() {
        const current = await tokens.find(token.id)
        return current !== undefined && mayRead(current, Date.now())
      },
    }
  }
  const open = await readSession(ctx, dependencies)
  if (!open) throw createMissingTokenError('read')
  ctx.state.logFields.token = open.token.id
  await recordAccess(ctx, open, dependencies)
  return {
    token: open.token,
    mayStillRead: async () => (await findOpenSession(open.session.cookieHash, dependencies)) !== undefined,
  }
}

/** Returns whether the request has a bearer token or the dashboard's cookie, valid or not. */
export function hasCredentials(ctx: Context): boolean {
  return ctx.get('Authorization') !== '' || readCookie(ctx) !== undefined
}

/** The server that sent a request with an `Authorization` header. */
export interface ServerAuthorizer {
  /** @throws {LapseError} `token-refused` for an invalid token, `forbidden` for one with another scope than `write`. */
  authenticate(): Promise<Token>
  /**
   * Checks that the server may report for a site. The collector reports the dashboard's own sessions, so other reports
   * about them require a token that is limited to that site.
   *
   * @throws {LapseError} `token-refused` or `forbidden`.
   */
  authorize(site: string): Promise<void>
}

/**
 * Creates an authorizer that looks up the token once, however many reports the request has.
 *
 * @returns undefined if the request has no `Authorization` header.
 */
export function createServerAuthorizer(
  ctx: Context,
  tokens: Requirement['tokens'],
): ServerAuthorizer | undefined {
  if (ctx.get('Authorization') === '') return undefined
  let found: Promise<Token> | undefined
  const authenticate = () => {
    found ??= findToken(ctx, readBearerToken(ctx), { scope: 'write', tokens })
    return found
  }
  return {
    authenticate,
    async authorize(site) {
      const token = await authenticate()
      assertSite(token, site)
      if (site === dashboardSite && token.site !== dashboardSite)
        throw new LapseError(
          'forbidden',
          `The collector itself reports the sessions of its dashboard. Other reports for the site "${dashboardSite}" require a token that is limited to this site.`,
        )
    },
  }
}

/** @throws {LapseError} `forbidden` if the token is limited to another site. */
function assertSite(token: Token, site: string): void {
  if (token.site !== null && token.site !== site) throw createOtherSiteError(token.site)
}

/** @param site the only site that the token permits. */
export function createOtherSiteError(site: string): LapseError {
  return new LapseError('forbidden', `This token is limited to the site "${site}".`)
}

export function createMissingTokenError(scope: TokenScope): LapseError {
  return new LapseError(
    'token-refused',
    `A token with the scope "${scope}" is required. Create one with "lapse token create --scope ${scope}".`,
  )
}

export function createWrongScopeError(required: TokenScope): LapseError {
  return new LapseError(
    'forbidden',
    `This request requires a token with the scope "${required}". Create one with "lapse token create --scope ${required}".`,
  )
}
