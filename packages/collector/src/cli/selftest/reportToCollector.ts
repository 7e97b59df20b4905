import { parseJson } from '../../domain/text/parseJson.ts'
import { getMember } from './checks.ts'
import type { SelftestResponse, SelftestTarget } from './selftestTypes.ts'

const timeoutMs = 10_000

/** Sends a report as a browser does. */
export async function reportToCollector(
  { url, origin }: Pick<SelftestTarget, 'url' | 'origin'>,
  path: '/v1/lapses' | '/v1/activity',
  report: object,
): Promise<SelftestResponse> {
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', Origin: origin, 'User-Agent': 'lapse selftest' },
    body: JSON.stringify(report),
    signal: AbortSignal.timeout(timeoutMs),
  }
  const response = await fetch(`${url}${path}`, request).catch((cause: unknown) => {
    throw new Error(
      `No collector responds at ${url}. Start it with lapse serve, or name its address with --url.`,
      { cause },
    )
  })
  const text = await response.text()
  return { status: response.status, body: parseJson(text) ?? text }
}

/** @returns null if the collector does not say. */
export async function fetchVersion(url: string): Promise<string | null> {
  const response = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => undefined,
  )
  const version = response?.ok && getMember(getMember(parseJson(await response.text()), 'info'), 'version')
  return typeof version === 'string' ? version : null
}
