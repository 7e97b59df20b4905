import { selftestSubject } from '../../domain/selftest.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { SelftestInput, SelftestResponse } from './selftestTypes.ts'

/** @returns why the first report was not recorded as an idle timeout, or undefined if it was. */
export function findFirstResponseFault(
  { status, body }: SelftestResponse,
  { url, limits }: SelftestInput,
): string | undefined {
  if (status !== 201)
    return `The response has status ${status}: ${getMember(body, 'detail') ?? `it is not from a collector. Correct --url: ${url}`}`
  const reason = getMember(body, 'reason')
  if (reason === 'idle_timeout') return undefined
  return `The session end was judged ${reason}: the collector does not have the idle timeout of ${limits.idleTimeoutSeconds} s. Restart it with this configuration.`
}

/** @returns why a repeated report was not answered with the existing row, or undefined if it was. */
export function findRepeatFault({ status, body }: SelftestResponse, id: number): string | undefined {
  if (status === 200 && getMember(body, 'duplicate') === true && getMember(body, 'id') === id)
    return undefined
  return `The response has status ${status}, not 200 with row ${id}. Check the log of the collector.`
}

/** @returns what is wrong with the stored row, or undefined if nothing is. */
export function findRowFault(row: SessionEnd | undefined, input: SelftestInput): string | undefined {
  const { site, session, times, limits, ticket } = input
  if (!row) return 'The row was not found. Use the configuration of that collector with --config.'
  const idleTimeoutMs = limits.idleTimeoutSeconds * 1000
  const toStoredTime = (at: number) => new Date(at + row.clockSkewMs).toISOString()
  const expected = {
    site,
    session,
    subject: selftestSubject,
    reason: 'idle_timeout',
    evidence: ticket === undefined ? 'self_reported' : 'signed',
    idleTimeoutSeconds: limits.idleTimeoutSeconds,
    startedAt: toStoredTime(times.startedAt),
    lastAccessAt: toStoredTime(times.lastAccessAt),
    expiredAt: toStoredTime(times.lastAccessAt + idleTimeoutMs),
    detectedAt: toStoredTime(times.detectedAt),
  }
  const actual: Readonly<Record<string, unknown>> = JSON.parse(JSON.stringify(row))
  const differences = Object.entries(expected).filter(([name, value]) => actual[name] !== value)
  if (differences.length === 0) return undefined
  return `${differences.map(([name, value]) => `${name} is ${actual[name]}, not ${value}`).join('; ')}.`
}

/** Reads a member of a value that may not be an object. */
export function getMember(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}
