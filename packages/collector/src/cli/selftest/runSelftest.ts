import { randomUUID } from 'node:crypto'
import { selftestClient, selftestSubject } from '../../domain/selftest.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { Limits } from '../../domain/verdict.ts'

/** What a self-test is played with. */
export interface SelftestInput {
  readonly url: string
  readonly site: string
  readonly origin: string
  readonly limits: Limits
  readonly session: string
  readonly times: SelftestTimes
  readonly ticket: string | undefined
  /** Looks the row up where it is stored. */
  readonly readRow: (id: number) => Promise<SessionEnd | undefined>
}

/** Epoch milliseconds. */
export interface SelftestTimes {
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly detectedAt: number
}

interface Check {
  readonly what: string
  readonly passed: boolean
  /** Why it did not pass, and what to do. */
  readonly fault?: string
}

interface Answer {
  readonly status: number
  readonly body: unknown
}

/** What was done and seen. Times are UTC. */
export interface Selftest {
  readonly verdict: 'pass' | 'fail'
  readonly at: string
  readonly collector: { readonly url: string; readonly version: string | null }
  readonly site: string
  readonly origin: string
  readonly limits: SelftestInput['limits']
  readonly event: Readonly<Record<string, unknown>>
  readonly answers: readonly Answer[]
  readonly row: SessionEnd | null
  readonly checks: readonly Check[]
}

const minuteMs = 60_000
const timeoutMs = 10_000

/** A session that was used for a minute, sat idle for a minute longer than its limit, and was found to be gone now. */
export function selftestTimes(idleTimeoutSeconds: number, now: number): SelftestTimes {
  const lastAccessAt = now - idleTimeoutSeconds * 1000 - minuteMs
  return { startedAt: lastAccessAt - minuteMs, lastAccessAt, detectedAt: now }
}

/** Reports the end of such a session as a browser does, twice, and looks at what is stored. */
export async function playSelftest(input: SelftestInput): Promise<Selftest> {
  const { url, site, origin, limits, session, times, ticket } = input
  const event = {
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
  const answers: Answer[] = []
  const checks: Check[] = []
  let row: SessionEnd | undefined
  const check = (what: string, fault: string | undefined) => {
    checks.push({ what, passed: fault === undefined, ...(fault !== undefined && { fault }) })
    return fault === undefined
  }
  const post = async () => {
    const answer = await postEvent(url, origin, { ...event, ...(ticket !== undefined && { ticket }) })
    answers.push(answer)
    return answer
  }

  try {
    const first = await post()
    if (check('the end of the session is recorded, as an idle timeout', faultOfFirst(first, input))) {
      const id = Number(memberOf(first.body, 'id'))
      const again = await post()
      check('the same report again makes no second row', faultOfSecond(again, id))
      row = await input.readRow(id)
      check(
        'the row says whose session it was, and when it was used, expired and found',
        faultOfRow(row, input),
      )
    }
  } catch (error) {
    check('the collector can be reached, and its rows be read', messageOf(error))
  }
  return {
    verdict: checks.every(({ passed }) => passed) ? 'pass' : 'fail',
    at: new Date(times.detectedAt).toISOString(),
    collector: { url, version: await versionOf(url) },
    site,
    origin,
    limits,
    // Who has a ticket can report with it.
    event: { ...event, ...(ticket !== undefined && { ticket: '(left out)' }) },
    answers,
    row: row ?? null,
    checks,
  }
}

async function postEvent(url: string, origin: string, event: unknown): Promise<Answer> {
  const request = {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', Origin: origin, 'User-Agent': 'lapse selftest' },
    body: JSON.stringify(event),
    signal: AbortSignal.timeout(timeoutMs),
  }
  const response = await fetch(`${url}/v1/lapses`, request).catch((cause: unknown) => {
    throw new Error(`No collector answers at ${url}. Start it with: lapse serve, or name it with --url.`, {
      cause,
    })
  })
  const text = await response.text()
  return { status: response.status, body: jsonOf(text) ?? text }
}

async function versionOf(url: string): Promise<string | null> {
  const response = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => undefined,
  )
  const version = response?.ok && memberOf(memberOf(jsonOf(await response.text()), 'info'), 'version')
  return typeof version === 'string' ? version : null
}

function faultOfFirst({ status, body }: Answer, { url, limits }: SelftestInput): string | undefined {
  if (status !== 201)
    return `${status}: ${memberOf(body, 'detail') ?? `this is no answer of a collector; correct --url, ${url}`}`
  if (memberOf(body, 'reason') === 'idle_timeout') return undefined
  return `It was judged ${memberOf(body, 'reason')}: the collector has other limits than ${limits.idleTimeoutSeconds} s. Start it again with this configuration.`
}

function faultOfSecond({ status, body }: Answer, id: number): string | undefined {
  if (status === 200 && memberOf(body, 'duplicate') === true && memberOf(body, 'id') === id) return undefined
  return `It was answered with ${status}, not with the row ${id}. Look into the log of the collector.`
}

function faultOfRow(row: SessionEnd | undefined, input: SelftestInput): string | undefined {
  const { site, session, times, limits, ticket } = input
  if (!row) return 'It is not there. Name the configuration of that collector with --config.'
  const idleMs = limits.idleTimeoutSeconds * 1000
  const shifted = (at: number) => new Date(at + row.clockSkewMs).toISOString()
  const expected = {
    site,
    session,
    subject: selftestSubject,
    reason: 'idle_timeout',
    evidence: ticket === undefined ? 'self_reported' : 'signed',
    idleTimeoutSeconds: limits.idleTimeoutSeconds,
    startedAt: shifted(times.startedAt),
    lastAccessAt: shifted(times.lastAccessAt),
    expiredAt: shifted(times.lastAccessAt + idleMs),
    detectedAt: shifted(times.detectedAt),
  }
  const stored: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify(row))
  const wrong = Object.entries(expected).filter(([name, value]) => stored[name] !== value)
  if (wrong.length === 0) return undefined
  return `${wrong.map(([name, value]) => `${name} is ${stored[name]}, not ${value}`).join('; ')}.`
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
