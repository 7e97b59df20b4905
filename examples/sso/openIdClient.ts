import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  discovery,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client'

export interface ClientOptions {
  readonly appUrl: string
  /** The provider's origin. */
  readonly issuer: string
  readonly clientSecret: string
}

/** What the session keeps while the user is at the provider. */
export interface PendingSignIn {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Signs users in with OpenID Connect: the authorization code flow with PKCE. */
export class OpenIdClient {
  readonly #options: ClientOptions
  #configuration: Promise<Configuration> | undefined

  constructor(options: ClientOptions) {
    this.#options = options
  }

  /** @returns the provider's address to redirect to, and what `finishSignIn` needs afterwards. */
  async beginSignIn(): Promise<{ readonly url: URL; readonly pending: PendingSignIn }> {
    const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() }
    const { state, nonce, verifier } = pending
    const url = buildAuthorizationUrl(await this.#discover(), {
      redirect_uri: `${this.#options.appUrl}/callback`,
      scope: 'openid',
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    return { url, pending }
  }

  /** @returns the user's opaque id. */
  async finishSignIn(callbackPath: string, { state, nonce, verifier }: PendingSignIn): Promise<string> {
    const callbackUrl = new URL(callbackPath, this.#options.appUrl)
    const tokens = await authorizationCodeGrant(await this.#discover(), callbackUrl, {
      expectedState: state,
      expectedNonce: nonce,
      pkceCodeVerifier: verifier,
    })
    const subject = tokens.claims()?.sub
    if (!subject) throw new Error('The provider did not send an ID token.')
    return subject
  }

  /** Reads the provider's configuration once. A failure is not kept, so the next sign-in tries again. */
  #discover(): Promise<Configuration> {
    const { issuer, clientSecret } = this.#options
    const url = new URL(issuer)
    // The provider of this example uses plain http on the local machine. A real one uses https.
    const execute = url.protocol === 'http:' ? [allowInsecureRequests] : []
    this.#configuration ??= discovery(url, 'desk', clientSecret, undefined, { execute }).catch((error) => {
      this.#configuration = undefined
      throw error
    })
    return this.#configuration
  }
}
