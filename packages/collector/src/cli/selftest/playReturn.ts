import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { type AddCheck, findFirstResponseFault, findRepeatFault, findRowFault, getMember } from './checks.ts'
import { createEndReport, omitTicket } from './createReports.ts'
import { reportToCollector } from './reportToCollector.ts'
import type { ReturnResult, SelftestInput, SelftestResponse, SelftestSession } from './selftestTypes.ts'

/**
 * Plays a user who returns after the timeout. The end of the session is reported twice, as a browser would.
 *
 * @param onResult called with what has been observed so far, so that it is known even if a later step throws.
 */
export async function playReturn(
  input: SelftestInput,
  session: SelftestSession,
  addCheck: AddCheck,
  onResult: (result: ReturnResult) => void,
): Promise<void> {
  const { site, limits, reader } = input
  const { times } = session
  const report = createEndReport(site, session, times.detectedAt)
  const answers: SelftestResponse[] = []
  const noteResult = (row: ListedSessionEnd | null) => onResult({ event: omitTicket(report), answers, row })
  const sendReport = async () => {
    const response = await reportToCollector(input, '/v1/lapses', report)
    answers.push(response)
    return response
  }

  noteResult(null)
  const first = await sendReport()
  if (!addCheck('the session end is recorded as an idle timeout', findFirstResponseFault(first, input)))
    return
  const id = Number(getMember(first.body, 'id'))
  addCheck('a repeated report creates no second row', findRepeatFault(await sendReport(), id))
  const rows = await reader.listRows(site, session.session)
  const row = rows.find((each) => each.id === id)
  noteResult(row ?? null)
  addCheck(
    'the row says whose session it was, and when it was last used, expired and detected',
    findRowFault(row, input, session, {
      detectedBy: 'login_page',
      expiredAt: times.lastAccessAt + limits.idleTimeoutSeconds * 1000,
      detectedAt: times.detectedAt,
    }),
  )
}
