import { randomUUID } from 'node:crypto'
import { minuteMs } from '../../domain/durations.ts'
import type { Limits } from '../../domain/limits.ts'
import { selftestClient, selftestSubject } from '../../domain/selftest.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { parseJson } from '../../domain/text/parseJson.ts'
import { toError } from '../../domain/thrownError.ts'
import { findFirstResponseFault, findRepeatFault, findRowFault, getMember } from './checks.ts'
import type { Check, Selftest, SelftestInput, SelftestResponse, SelftestTimes } from './selftestTypes.ts'

const timeoutMs = 10_000

/**
 * The times of a session that was used for a minute, then stayed idle for a minute longer than its idle timeout, until
 * now. If the absolute timeout would end such a session first, the session is so old that this limit had passed before
 * its last access, and therefore did not end it.
 */
export function computeSelftestTimes(
  { idleTimeoutSeconds, absoluteTimeoutSeconds }: Limits,
  now: number,
): SelftestTimes {
  const lastAccessAt = now - idleTimeoutSeconds * 1000 - minuteMs
  const isAbsoluteFirst =
    absoluteTimeoutSeconds !== undefined && absoluteTimeoutSeconds * 1000 <= now - lastAccessAt + minuteMs
  const usedMs = isAbsoluteFirst ? absoluteTimeoutSeconds * 1000 + minuteMs : minuteMs
  return { startedAt: lastAccessAt - usedMs, lastAccessAt, detectedAt: now }
}

/** Reports the end of a simulated session twice, as a browser would, and checks the responses and the stored row. */
export async function runSelftest(input: SelftestInput): Promise<Selftest> {
  const { url, site, origin, limits, session, times, ticket } = input
  const report = {
    site,
    marker: randomUUID(),
    ...times,
    sentAt: times.detectedAt,
    session,
    subject: selftestSubject,
    detectedBy: 'login_page',
    browserRestarted: false,
    client: selftestClient,
  }
  const responses: SelftestResponse[] = []
  const checks: Check[] = []
  let row: SessionEnd | undefined
  const addCheck = (what: string, fault: string | undefined) => {
    checks.push({ what, passed: fault === undefined, ...(fault !== undefined && { fault }) })
    return fault === undefined
  }
  const sendReport = async () => {
    const response = await postReport(url, origin, { ...report, ...(ticket !== undefined && { ticket }) })
    responses.push(response)
    return response
  }

  try {
    const first = await sendReport()
    if (addCheck('the session end is recorded as an idle timeout', findFirstResponseFault(first, input))) {
      const id = Number(getMember(first.body, 'id'))
      addCheck('a repeated report creates no second row', findRepeatFault(await sendReport(), id))
      row = await input.readRow(id)
      addCheck(
        'the row says whose session it was, and when it was last used, expired and detected',
        findRowFault(row, input),
      )
    }
  } catch (error) {
    addCheck('the collector can be reached and its row can be read', toError(error).message)
  }
  return {
    verdict: checks.every(({ passed }) => passed) ? 'pass' : 'fail',
    at: new Date(times.detectedAt).toISOString(),
    collector: { url, version: await fetchVersion(url) },
    site,
    origin,
    limits,
    // Anyone who has the ticket can report with it.
    event: { ...report, ...(ticket !== undefined && { ticket: '(omitted)' }) },
    answers: responses,
    row: row ?? null,
    checks,
  }
}

async function postReport(url: string, origin: string, report: unknown): Promise<SelftestResponse> {
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', Origin: origin, 'User-Agent': 'lapse selftest' },
    body: JSON.stringify(report),
    signal: AbortSignal.timeout(timeoutMs),
  }
  const response = await fetch(`${url}/v1/lapses`, request).catch((cause: unknown) => {
    throw new Error(
      `No collector responds at ${url}. Start it with lapse serve, or name its address with --url.`,
      { cause },
    )
  })
  const text = await response.text()
  return { status: response.status, body: parseJson(text) ?? text }
}

async function fetchVersion(url: string): Promise<string | null> {
  const response = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => undefined,
  )
  const version = response?.ok && getMember(getMember(parseJson(await response.text()), 'info'), 'version')
  return typeof version === 'string' ? version : null
}
