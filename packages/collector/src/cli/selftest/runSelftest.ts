import { toError } from '../../domain/thrownError.ts'
import { createCheckList } from './checks.ts'
import { playAbandonment } from './playAbandonment.ts'
import { playReturn } from './playReturn.ts'
import { fetchVersion } from './reportToCollector.ts'
import type { AbandonedResult, ReturnResult, Selftest, SelftestInput } from './selftestTypes.ts'

/**
 * Plays two sessions that time out, and checks the responses and the stored rows: one whose user returns after the
 * timeout, and one whose user does not.
 */
export async function runSelftest(input: SelftestInput): Promise<Selftest> {
  const { url, site, origin, limits, sessions } = input
  const at = new Date().toISOString()
  const { checks, addCheck } = createCheckList()
  const hasPassed = () => checks.every(({ passed }) => passed)
  let returned: ReturnResult | undefined
  let live: AbandonedResult | undefined
  try {
    if (sessions.returning)
      await playReturn(input, sessions.returning, addCheck, (result) => {
        returned = result
      })
    // It takes a while, so it is not worth trying after a failure.
    if (hasPassed())
      await playAbandonment(input, sessions.abandoned, addCheck, (result) => {
        live = result
      })
  } catch (error) {
    addCheck('the collector can be reached and its rows can be read', toError(error).message)
  }
  return {
    verdict: hasPassed() ? 'pass' : 'fail',
    at,
    collector: { url, version: await fetchVersion(url) },
    site,
    origin,
    limits,
    event: returned?.event ?? null,
    answers: returned?.answers ?? [],
    row: returned?.row ?? null,
    live: live ?? null,
    checks,
  }
}
