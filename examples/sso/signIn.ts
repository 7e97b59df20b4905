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

export interface SignInOptions {
  readonly appUrl: string
  /** The provider's origin. */
  readonly issuer: string
  readonly clientSecret: string
}

/** What is remembered of a sign-in while the browser is at the provider. */
export interface PendingSignIn {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Sign-in by OpenID Connect: the authorization code flow with PKCE. */
export function signInBy({ appUrl, issuer, clientSecret }: SignInOptions) {
  const url = new URL(issuer)
  // The example's provider speaks plain http on this machine; yours speaks https.
  const execute = url.protocol === 'http:' ? [allowInsecureRequests] : []
  let found: Promise<Configuration> | undefined
  const provider = () => {
    found ??= discovery(url, 'desk', clientSecret, undefined, { execute }).catch((error) => {
      found = undefined
      throw error
    })
    return found
  }

  return {
    async begin(): Promise<{ readonly url: URL; readonly pending: PendingSignIn }> {
      const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() }
      const { state, nonce, verifier } = pending
      const url = buildAuthorizationUrl(await provider(), {
        redirect_uri: `${appUrl}/callback`,
        scope: 'openid',
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      })
      return { url, pending }
    },

    /** @returns the user's opaque id. */
    async finish(path: string, { state, nonce, verifier }: PendingSignIn): Promise<string> {
      const tokens = await authorizationCodeGrant(await provider(), new URL(path, appUrl), {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
      })
      const subject = tokens.claims()?.sub
      if (!subject) throw new Error('The provider has sent no ID token.')
      return subject
    },
  }
}
