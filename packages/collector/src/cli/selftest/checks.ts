import { selftestSubject } from '../../domain/selftest.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { Check, SelftestInput, SelftestResponse, SelftestSession } from './selftestTypes.ts'

/** Collects checks. Returns whether the check passed. */
export type AddCheck = (what: string, fault: string | undefined) => boolean

/** @returns the list, and the function that adds to it. */
export function createCheckList(): { readonly checks: readonly Check[]; readonly addCheck: AddCheck } {
  const checks: Check[] = []
  const addCheck: AddCheck = (what, fault) => {
    checks.push({ what, passed: fault === undefined, ...(fault !== undefined && { fault }) })
    return fault === undefined
  }
  return { checks, addCheck }
}

/** @returns why the first report was not recorded as an idle timeout, or undefined if it was. */
export function findFirstResponseFault(
  response: SelftestResponse,
  { url, limits }: SelftestInput,
): string | undefined {
  if (response.status !== 201) return describeRefusal(response, url)
  const reason = getMember(response.body, 'reason')
  if (reason === 'idle_timeout') return undefined
  return `The session end was judged ${reason}: the collector does not have the idle timeout of ${limits.idleTimeoutSeconds} s. Restart it with this configuration.`
}

/** @returns why a report of activity was not accepted, or undefined if it was. */
export function findActivityFault(response: SelftestResponse, url: string): string | undefined {
  return response.status === 204 ? undefined : describeRefusal(response, url)
}

/** @returns why a repeated report was not answered with the existing row, or undefined if it was. */
export function findRepeatFault({ status, body }: SelftestResponse, id: number): string | undefined {
  if (status === 200 && getMember(body, 'duplicate') === true && getMember(body, 'id') === id)
    return undefined
  return `The response has status ${status}, not 200 with row ${id}. Check the log of the collector.`
}

function describeRefusal({ status, body }: SelftestResponse, url: string): string {
  return `The response has status ${status}: ${getMember(body, 'detail') ?? `it is not from a collector of this version. Correct --url: ${url}`}`
}

/** What a row should contain, apart from whose session it is. Times are by the clock of this machine. */
interface ExpectedRow {
  readonly detectedBy: 'login_page' | 'sweep'
  readonly expiredAt: number
  readonly detectedAt: number
}

/** @returns what is wrong with the stored row, or undefined if nothing is. */
export function findRowFault(
  row: SessionEnd | undefined,
  { site, limits }: Pick<SelftestInput, 'site' | 'limits'>,
  { session, times, ticket }: SelftestSession,
  { detectedBy, expiredAt, detectedAt }: ExpectedRow,
): string | undefined {
  if (!row) return 'The row was not found. Use the configuration of that collector with --config.'
  const toStoredTime = (at: number) => new Date(at + row.clockSkewMs).toISOString()
  const expected = {
    ...{ site, session, detectedBy },
    subject: selftestSubject,
    reason: 'idle_timeout',
    evidence: ticket === undefined ? 'self_reported' : 'signed',
    idleTimeoutSeconds: limits.idleTimeoutSeconds,
    startedAt: toStoredTime(times.startedAt),
    lastAccessAt: toStoredTime(times.lastAccessAt),
    expiredAt: toStoredTime(expiredAt),
    detectedAt: toStoredTime(detectedAt),
  }
  const actual: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify(row))
  const differences = Object.entries(expected).filter(([name, value]) => actual[name] !== value)
  if (differences.length === 0) return undefined
  return `${differences.map(([name, value]) => `${name} is ${actual[name]}, not ${value}`).join('; ')}. Use the configuration of that collector with --config.`
}

/** Reads a member of a value that may not be an object. */
export function getMember(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}
