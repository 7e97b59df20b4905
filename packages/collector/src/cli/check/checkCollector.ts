import type { Config } from '../../config/config.ts'
import { toError } from '../../domain/thrownError.ts'
import { ignoredForwardingMetric } from '../../observability/metrics.ts'
import { type CheckResult, fail, pass, skip, warn } from './checkReport.ts'

const timeoutMs = 5_000

/** Checks the running collector, and whether it knows the proxy in front of it. */
export async function checkCollector(url: string, config: Config): Promise<CheckResult[]> {
  try {
    const response = await get(`${url}/readyz`)
    if (response.ok) return [pass('collector', url), ...(await checkProxy(url, config))]
    return [fail('collector', url, await describeRefusal(response)), ...(await checkProxy(url, config))]
  } catch (error) {
    return [
      fail(
        'collector',
        url,
        `No collector answers (${describeCause(error)}). Start it with "lapse serve", or set its address with --url.`,
      ),
      ...findHiddenProxy(config),
    ]
  }
}

async function describeRefusal(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined)
  if (typeof problem === 'object' && problem !== null && 'detail' in problem)
    return `The collector cannot record reports (status ${response.status}). ${problem.detail}`
  return `/readyz answered with status ${response.status}, but the response is not from a collector. Correct --url, or "listen" in the configuration.`
}

async function checkProxy(url: string, config: Config): Promise<CheckResult[]> {
  const ignored = await readIgnoredForwarding(url)
  const where = '"trustProxy"'
  if (ignored !== undefined && ignored > 0)
    return [
      warn(
        'proxy',
        where,
        `The collector ignored X-Forwarded-For or Forwarded in ${ignored} requests since its start, because their sender is not in "trustProxy". If they came through your proxy, add its address to "trustProxy": otherwise all clients share the address of the proxy and its rate limit. If not, clients reach the collector directly, without the proxy.`,
      ),
    ]
  const hidden = findHiddenProxy(config)
  if (hidden.length > 0) return hidden
  return ignored === undefined
    ? [skip('proxy', where, `${url}/metrics is readable only on the collector's own machine.`)]
    : [pass('proxy', where)]
}

/** @returns undefined if the metrics cannot be read without a token, for example on another machine. */
async function readIgnoredForwarding(url: string): Promise<number | undefined> {
  try {
    const response = await get(`${url}/metrics`)
    const count = new RegExp(`^${ignoredForwardingMetric} (\\d+)`, 'm').exec(await response.text())?.[1]
    return response.ok && count !== undefined ? Number(count) : undefined
  } catch {
    return undefined
  }
}

/** A collector on a loopback address speaks HTTP, so pages that use HTTPS reach it through a proxy. */
function findHiddenProxy({ listen, trustProxy, sites }: Config): CheckResult[] {
  const isLoopback = ['127.0.0.1', '::1', 'localhost'].includes(listen.host)
  const origin = Object.values(sites)
    .flatMap(({ origins }) => origins)
    .find((each) => each.startsWith('https://'))
  if (!isLoopback || trustProxy.length > 0 || origin === undefined) return []
  return [
    warn(
      'proxy',
      '"trustProxy"',
      `The collector listens on ${listen.host}, so pages such as ${origin} reach it through a proxy on this machine, but "trustProxy" is empty. All clients then share the address of the proxy and its rate limit. Set "trustProxy": ["127.0.0.1", "::1"].`,
    ),
  ]
}

async function get(url: string): Promise<Response> {
  return fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'manual' })
}

/** `fetch` says only "fetch failed". */
function describeCause(thrown: unknown): string {
  const error = toError(thrown)
  const cause = error.cause
  return cause instanceof Error && cause.message !== '' ? cause.message : error.message
}
