import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { onTestFinished } from 'vitest'
import { listen } from '../../../../test/listen.ts'
import { createCollector, createReport, type InProcessCollector, origin } from './collector.ts'

export type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** Starts a key server. Its `answer` can be replaced. */
export async function startKeyServer(answer: Answer) {
  const state = { answer, requests: [] as IncomingMessage[] }
  const server = createServer((request, response) => {
    state.requests.push(request)
    response.on('error', () => {})
    state.answer(response, request)
  })
  const { url, close } = await listen(server)
  onTestFinished(close)
  return Object.assign(state, { url: `${url}/jwks.json` })
}

export function answerJson(value: unknown): Answer {
  return (response) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value))
}

/** Creates a collector with a site whose keys are at URLs, and a second site that must not be affected. */
export async function createKeySetCollector(
  jwksUrls: string | readonly string[],
  alg: 'ES256' | 'RS256' = 'ES256',
): Promise<InProcessCollector> {
  const site = { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true }
  const collector = await createCollector(
    { name: 'SQLite' },
    {
      sites: {
        remote: { ...site, ticketKeys: [jwksUrls].flat().map((jwksUrl) => ({ alg, jwksUrl })) },
        acme: { origins: [origin], idleTimeoutSeconds: 1800 },
      },
    },
  )
  onTestFinished(collector.end)
  return collector
}

export async function createKeyPair(kid: string | undefined, alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) }
  const privateJwk: JWK = { ...(await exportJWK(privateKey)), ...(kid !== undefined && { kid }) }
  const sign = (header: { readonly kid?: string } = kid === undefined ? {} : { kid }) =>
    new SignJWT({ iss: 'remote', sub: 'u_7', iat: Math.floor(Date.now() / 1000) - 3600 })
      .setProtectedHeader({ alg, typ: 'lapse+jwt', ...header })
      .sign(privateKey)
  return { jwk, privateJwk, sign }
}

export async function reportWithTicket(collector: InProcessCollector, ticket: string) {
  const startedAt = performance.now()
  const response = await collector.post(createReport({ site: 'remote', ticket }))
  return { status: response.status, text: await response.text(), ms: performance.now() - startedAt }
}

/** Measures the longest time, in milliseconds, for which the event loop is blocked during `work`. */
export async function measureLongestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 5)
  await work()
  clearInterval(timer)
  return longest
}
