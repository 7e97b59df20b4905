import { afterEach, describe, expect, test, vi } from 'vitest'
import type { SessionEnd } from '../../dashboard/src/api/types.ts'
import { describeNotReturned, formatQuantile } from '../../dashboard/src/charts/pastLimitShares.ts'
import { formatAge } from '../../dashboard/src/format/age.ts'
import { formatCountdown } from '../../dashboard/src/format/countdown.ts'
import { explainCorrection } from '../../dashboard/src/format/explainCorrection.ts'
import { explainVerdict } from '../../dashboard/src/format/explainVerdict.ts'
import { describeBasis, describeKept } from '../../dashboard/src/insights/longerLimit.ts'
import { notReturnedStep, toPastLimit } from '../../src/reading/pastLimit.ts'
import { emptyFields } from '../support/emptyFields.ts'

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

interface Returns {
  readonly sessions: number
  readonly secondsPastLimit: number
}

const summarizeReturns = (returns: readonly Returns[]) =>
  toPastLimit(new Map(returns.map(({ sessions, secondsPastLimit }) => [secondsPastLimit, sessions])))

describe('The return times', () => {
  test.each([
    { back: 3, notBack: 0, text: null },
    { back: 2, notBack: 1, text: 'Nobody has come back after 1 of 3 timeouts (33%).' },
    { back: 0, notBack: 1, text: 'Nobody has come back after this timeout.' },
    // 99.9% is not rounded to 100%.
    { back: 1, notBack: 999, text: 'Nobody has come back after 999 of 1,000 timeouts (99%).' },
  ])('show the share that is not back: $text', ({ back, notBack, text }) => {
    const counts = [
      [30, back],
      [notReturnedStep, notBack],
    ] as const
    const pastLimit = toPastLimit(new Map(counts.filter(([, count]) => count > 0)))
    expect(describeNotReturned(pastLimit)?.replace(/\s?%/, '%') ?? null).toBe(text)
  })

  test.each([
    { kept: 47, returns: 100, notReturned: 0, text: '47% of those who came back. 47 of 100 returns.' },
    // 99.9% is not rounded to 100%.
    { kept: 999, returns: 1000, notReturned: 0, text: '99% of those who came back. 999 of 1,000 returns.' },
    { kept: 1, returns: 1, notReturned: 0, text: '100% of those who came back. 1 of 1 return.' },
    { kept: 0, returns: 2, notReturned: 1, text: '0% of those who came back. 0 of 2 returns.' },
  ])('say whom a longer limit would have kept: $text', ({ kept, returns, notReturned, text }) => {
    const pastLimit = { ...summarizeReturns([]), count: returns, notReturned }
    const site = {
      site: 'acme',
      ended: returns,
      idleTimeouts: returns,
      idleTimeoutSeconds: 1800,
      pastLimit,
      keptBy: [],
    }
    const step = { extraMinutes: 15, count: kept }
    const sentence = `${describeKept(site, step)} ${describeBasis(site, step)}`.replace(/\s?%/, '%')
    expect(sentence).toBe(
      `45 min would have kept ${text} Users who never returned are not counted${notReturned ? ' (1 timeout)' : ''}.`,
    )
  })

  test.each([
    { secondsPastLimit: 0, text: '1 s' },
    { secondsPastLimit: 7, text: '7 s' },
    { secondsPastLimit: 600, text: '10 min' },
    { secondsPastLimit: 3600, text: '1 h' },
    { secondsPastLimit: 86_400, text: '1 d' },
    { secondsPastLimit: 2_592_000, text: '30 d' },
  ])('show a quantile of $secondsPastLimit seconds as "$text", without false precision', (example) => {
    const { p50Ms } = summarizeReturns([{ sessions: 1, secondsPastLimit: example.secondsPastLimit }])
    expect(formatQuantile(Number(p50Ms))).toBe(example.text)
  })
})

test('Times have a UTC offset only in the hour that occurs twice when clocks go back', async () => {
  process.env.TZ = 'Europe/Vienna'
  // The module reads the time zone when it is loaded.
  vi.resetModules()
  const { formatShortDateTime } = await import('../../dashboard/src/format/dateTime.ts')
  const readOffset = (time: string) => /GMT.*/.exec(formatShortDateTime(time))?.[0]
  expect({
    before: readOffset('2026-10-24T23:59:59Z'),
    firstTime: readOffset('2026-10-25T00:00:00Z'),
    secondTime: readOffset('2026-10-25T01:00:00Z'),
    after: readOffset('2026-10-25T02:00:00Z'),
  }).toEqual({ before: undefined, firstTime: 'GMT+2', secondTime: 'GMT+1', after: undefined })
})

test.each([
  { seconds: 0, text: 'just now' },
  { seconds: 59, text: 'just now' },
  { seconds: 12.5 * 60, text: '12 min ago' },
  { seconds: 47 * 3600, text: '47 h ago' },
  { seconds: 9.5 * 86_400, text: '9 d ago' },
  { seconds: 70 * 86_400, text: '2 mo ago' },
  { seconds: 800 * 86_400, text: '2 y ago' },
  { seconds: -300, text: 'in 5 min' },
])('A time $seconds seconds before now was "$text"', ({ seconds, text }) => {
  expect(formatAge(new Date(0).toISOString(), seconds * 1000)).toBe(text)
})

test.each([
  { seconds: 3 * 3600 + 61, text: 'in 3 h 1 min' },
  { seconds: 24 * 60 + 59, text: 'in 24 min' },
  { seconds: 119, text: 'in 1 min 59 s' },
  { seconds: 0.4, text: 'now' },
  { seconds: -20, text: 'expired 20 s ago' },
  { seconds: -400, text: 'expired 6 min ago' },
])('A session whose limit is $seconds seconds away expires "$text"', ({ seconds, text }) => {
  expect(formatCountdown(seconds * 1000, 0)).toBe(text)
})

describe('The explanation of a verdict', () => {
  const idleFor20Minutes: SessionEnd = {
    ...emptyFields,
    ...{ supersededBy: null, needsReview: false, returnedAt: null, resumedAt: null },
    id: 1,
    site: 'acme',
    sessionKey: 'a1f',
    revision: 1,
    session: 'a1f',
    subject: 'u_42',
    reason: 'idle_timeout',
    evidence: 'server',
    detectedBy: 'server',
    lastAccessAt: '2026-01-02T10:00:00.000Z',
    expiredAt: '2026-01-02T10:20:00.000Z',
    detectedAt: '2026-01-02T10:20:00.000Z',
    receivedAt: '2026-01-02T10:20:00.000Z',
    elapsedMs: 1_200_000,
    idleTimeoutSeconds: 1800,
    clockSkewMs: 0,
  }

  test('does not say that an idle timeout which a server reported is within the grace period', () => {
    expect(explainVerdict(idleFor20Minutes).reason).toBe(
      'The application’s server reported an idle timeout. The session was idle for 20 min, and its limit of 30 min was not reached.',
    )
  })

  test('does not say that a logout came before the limit, because it may have come later', () => {
    const logout = { ...idleFor20Minutes, reason: 'logout', elapsedMs: 3_600_000 } as const
    expect(explainVerdict(logout).reason).toBe('The application’s server reported that the user signed out.')
  })

  test('does not say that nobody has come back if a later row corrects the timeout', () => {
    const swept = { ...idleFor20Minutes, detectedBy: 'sweep' } as const
    expect(explainVerdict(swept).userReturn).toBe('Recorded by the sweep: nobody has come back.')
    expect(explainVerdict({ ...swept, supersededBy: 2 }).userReturn).toBe('Recorded by the sweep.')
  })

  describe('that was corrected', () => {
    const swept = {
      ...idleFor20Minutes,
      evidence: 'self_reported',
      detectedBy: 'sweep',
      expiredAt: '2026-01-02T10:30:00.000Z',
      detectedAt: '2026-01-02T10:35:00.000Z',
    } as const satisfies SessionEnd
    const correction = { ...swept, id: 2, detectedBy: 'login_page' } as const satisfies SessionEnd

    test.each([
      {
        text: /^Row 2 corrects it\.$/,
        // The sweep waits for five minutes, because it may not know of later activity.
        correction: { ...correction, lastAccessAt: '2026-01-02T10:04:00.000Z' },
      },
      {
        text: /^According to row 2, the session was used until .*:06:00\.$/,
        correction: { ...correction, lastAccessAt: '2026-01-02T10:06:00.000Z' },
      },
      {
        text: /^According to row 2, the session had ended before its limit \(logout, .*:20:00\)\.$/,
        correction: { ...correction, reason: 'logout', detectedAt: '2026-01-02T10:20:00.000Z' } as const,
      },
      {
        text: /^Its evidence is weaker than that of row 2 \(server\)\.$/,
        correction: { ...correction, evidence: 'server' } as const,
      },
      {
        text: /^Its times contradict each other\.$/,
        earlier: { ...swept, reason: 'clock_anomaly' } as const,
        correction,
      },
    ])('matches $text', ({ text, earlier = swept, correction }) => {
      expect(explainCorrection(earlier, correction)).toMatch(text)
    })
  })
})
