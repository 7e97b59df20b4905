import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import { exportJWK, generateKeyPair } from 'jose'
import type Koa from 'koa'
import { Provider } from 'oidc-provider'
import getRawBody from 'raw-body'
import { html, page } from './pages.ts'

interface ProviderOptions {
  /** Its own origin. */
  readonly issuer: string
  /** The origin of the one application that signs its users in here. */
  readonly appUrl: string
  readonly clientSecret: string
}

const users = ['u_1001', 'u_1002', 'u_1003']

/**
 * Stands for the company's sign-in: another origin, with a session of its own that outlives the application's, and
 * no script of Lapse.
 */
export async function createProvider({ issuer, appUrl, clientSecret }: ProviderOptions): Promise<Koa> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'desk', client_secret: clientSecret, redirect_uris: [`${appUrl}/callback`] }],
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    // In seconds. The session here outlives many of the application's.
    ttl: { Session: 28_800, Grant: 28_800, Interaction: 600, AccessToken: 60, IdToken: 60 },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    findAccount: (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    // The company's own application: its users are not asked for consent.
    async loadExistingGrant({ oidc }) {
      const { client, session } = oidc
      if (!client || !session?.accountId) return undefined
      const grant = new oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId })
      grant.addOIDCScope('openid')
      await grant.save()
      return grant
    },
  })
  provider.use(signInPage(provider, appUrl).routes())
  return provider
}

function signInPage(provider: Provider, appUrl: string): Router {
  const router = new Router()
  router.get('/interaction/:uid', async (ctx) => {
    const { uid } = await provider.interactionDetails(ctx.req, ctx.res)
    // The form's answer leads on to the application, which Chromium counts as a target of the form.
    ctx.set(
      'Content-Security-Policy',
      `default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self' ${appUrl}`,
    )
    ctx.set('Cache-Control', 'no-store')
    ctx.type = 'html'
    ctx.body = page('Company sign-in', {
      content: html`<form class="users" method="post" action="/interaction/${uid}">
${users.map((user) => html`<button name="user" value="${user}"><code>${user}</code></button>`)}
</form>
<p>Another origin, without Lapse.</p>`,
    })
  })
  router.post('/interaction/:uid', async (ctx) => {
    const form = new URLSearchParams(await getRawBody(ctx.req, { encoding: 'utf-8', limit: '4kb' }))
    const accountId = users.find((user) => user === form.get('user'))
    if (!accountId) return ctx.throw(422, 'Choose one of the example users.')
    ctx.respond = false
    await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId } })
  })
  return router
}
