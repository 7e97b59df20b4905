import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { type AddCheck, findActivityFault, findRepeatFault, findRowFault } from './checks.ts'
import { createActivityReport, createEndReport, omitTicket } from './createReports.ts'
import { reportToCollector } from './reportToCollector.ts'
import { computeSlackMs } from './selftestTimes.ts'
import type { AbandonedResult, SelftestInput, SelftestSession } from './selftestTypes.ts'
import { waitForSweep } from './waitForSweep.ts'

/**
 * Plays a user who leaves a session open: its use is reported, then nothing happens until the sweep has recorded the
 * timeout. After that, the user returns.
 *
 * @param onResult called with what has been observed so far, so that it is known even if a later step throws.
 */
export async function playAbandonment(
  input: SelftestInput,
  session: SelftestSession,
  addCheck: AddCheck,
  onResult: (result: AbandonedResult) => void,
): Promise<void> {
  const { site, reader, limits, heartbeatSeconds } = input
  const activity = createActivityReport(site, session)
  let result: AbandonedResult = {
    activity: omitTicket(activity),
    event: null,
    answers: [],
    row: null,
    returnedAt: null,
  }
  const note = (changes: Partial<AbandonedResult>) => {
    result = { ...result, ...changes }
    onResult(result)
  }

  if ((await reader.listRows(site, session.session)).length > 0) {
    addCheck(
      'the session of the ticket is new',
      `It has a row already. Sign a ticket with another sid, or without a sid.`,
    )
    return
  }
  const registered = await reportToCollector(input, '/v1/activity', activity)
  note({ answers: [registered] })
  if (!addCheck('a report that the session is in use is accepted', findActivityFault(registered, input.url)))
    return
  if (!addCheck('the session is live', await findLiveFault(input, session))) return

  const swept = await waitForSweep(input, session)
  const row = 'row' in swept ? swept.row : null
  note({ row })
  const fault = 'fault' in swept ? swept.fault : undefined
  if (!addCheck('the idle timeout is recorded although nobody has come back', fault) || !row) return
  const expiredAt = session.times.lastAccessAt + limits.idleTimeoutSeconds * 1000
  const detectedAt = Math.trunc(expiredAt + computeSlackMs(limits, heartbeatSeconds))
  addCheck(
    'the row of the sweep says whose session it was, and when it was last used and expired',
    findRowFault(row, input, session, { detectedBy: 'sweep', expiredAt, detectedAt }),
  )

  const event = createEndReport(site, session, Date.now())
  const response = await reportToCollector(input, '/v1/lapses', event)
  note({ event: omitTicket(event), answers: [registered, response] })
  addCheck('the return of the user creates no second row', findRepeatFault(response, row.id))
  const rows = await reader.listRows(site, session.session)
  note({ returnedAt: rows[0]?.returnedAt ?? null })
  addCheck('the row then says when the user returned', findReturnFault(rows))
}

/** The collector may already have swept the session. */
async function findLiveFault(
  { site, reader }: SelftestInput,
  { session }: SelftestSession,
): Promise<string | undefined> {
  const isKnown = (await reader.isLive(site, session)) || (await reader.listRows(site, session)).length > 0
  return isKnown
    ? undefined
    : 'The session was not found: the collector uses another database. Use the configuration of that collector with --config.'
}

function findReturnFault(rows: readonly ListedSessionEnd[]): string | undefined {
  const [row, ...others] = rows
  if (!row || others.length > 0) return `The session has ${rows.length} rows, not one.`
  return row.returnedAt === null ? 'returnedAt is empty. Check the log of the collector.' : undefined
}
