import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import { exportJWK, generateKeyPair } from 'jose'
import type Koa from 'koa'
import { Provider } from 'oidc-provider'
import { html } from '../_shared/html.ts'
import { createSecurityMiddleware, readForm, serveStyle } from '../_shared/koa.ts'
import { renderPage, renderSignInForm } from '../_shared/page.ts'
import { findUser } from '../_shared/users.ts'

interface ProviderOptions {
  /** The provider's own origin. */
  readonly issuer: string
  /** The origin of the only application that uses this provider. */
  readonly appUrl: string
  readonly clientSecret: string
}

/**
 * Creates an OpenID Connect provider that plays the company's sign-in. It is another origin, its session outlives the
 * application's, and its pages do not load Lapse.
 */
export async function createProvider({ issuer, appUrl, clientSecret }: ProviderOptions): Promise<Koa> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'desk', client_secret: clientSecret, redirect_uris: [`${appUrl}/callback`] }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    // In seconds.
    ttl: { Session: 28_800, Grant: 28_800, Interaction: 600, AccessToken: 60, IdToken: 60 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    // The application belongs to the company, so its users are not asked for consent.
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc
      if (!client || !session?.accountId) return undefined
      const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid')
      await grant.save()
      return grant
    },
  })
  provider.use(serveStyle)
  provider.use(signInPage(provider, appUrl).routes())
  return provider
}

function signInPage(provider: Provider, appUrl: string): Router {
  const router = new Router()
  // The form's response redirects to the application. Chromium checks that redirect against `form-action` too.
  router.use(createSecurityMiddleware({ forms: `'self' ${appUrl}` }))

  router.get('/interaction/:uid', async (ctx) => {
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res)
    ctx.body = renderPage({
      title: 'Company sign-in',
      content: html`${renderSignInForm(`/interaction/${uid}`)}
<p>This page is on another origin. It does not load Lapse.</p>`,
    })
  })

  router.post('/interaction/:uid', async (ctx) => {
    const accountId = findUser((await readForm(ctx)).get('user'))?.subject
    if (!accountId) return ctx.throw(422, 'Choose one of the example users.')
    ctx.respond = false
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId } })
  })
  return router
}
