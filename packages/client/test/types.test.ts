import { describe, expectTypeOf, test } from 'vitest'
import {
  createLapse,
  type Delivery,
  type EndReport,
  type Lapse,
  type LapseClientError,
  type LapseClientErrorCode,
  type LapseOptions,
  type Outcome,
  type Pending,
  type Verdict,
} from '../src/index.ts'

/** Never called: the compiler is the test. */
function misuseOptions() {
  // @ts-expect-error: the collector is required.
  createLapse({ site: 'acme' })
  // @ts-expect-error: the limit is a number of seconds.
  createLapse({ site: 'acme', collector: '', idleTimeoutSeconds: '30m' })
  // @ts-expect-error: without the option there are no activity reports, and `true` stands for the default.
  createLapse({ site: 'acme', collector: '', heartbeatSeconds: 'default' })
  // @ts-expect-error: there is no such kind of activity.
  createLapse({ site: 'acme', collector: '', touchOn: ['scroll'] })
  // @ts-expect-error: the client decides about `Secure`.
  createLapse({ site: 'acme', collector: '', cookie: { secure: true } })
  // @ts-expect-error: `requests` is a regular expression.
  createLapse({ site: 'acme', collector: '', requests: '/api/' })
  // @ts-expect-error: whether a page came from the cache is not an option.
  createLapse({ site: 'acme', collector: '' }, true)
}

/** Never called: the compiler is the test. */
function misuseMethods(lapse: Lapse) {
  // @ts-expect-error: a subject is a string or an integer.
  lapse.active({ subject: true })
  // @ts-expect-error: an identity has no name.
  lapse.active({ name: 'Ann' })
  // @ts-expect-error: there is only one way to check.
  lapse.absent({ session: { cookie: 'sid', probe: '/me' } })
  // @ts-expect-error: there must be one way to check.
  lapse.absent({ session: {} })
  // @ts-expect-error: a function must return a boolean or `undefined`.
  lapse.absent({ session: () => 'yes' })
  // @ts-expect-error: there is no such reason.
  lapse.absent().then((ended) => ended?.pending || ended?.reason === 'timeout')
  // @ts-expect-error: a pending report has no reason.
  lapse.absent().then((ended) => ended && (ended.pending ? ended.reason : ''))
  // @ts-expect-error: `report` is a boolean.
  lapse.logout({ report: 'yes' })
}

/** Never called: the compiler is the test. */
function misuseErrors(error: LapseClientError) {
  // @ts-expect-error: there is no such code.
  if (error.code === 'offline') return
  // @ts-expect-error: the type of the cause depends on the code.
  error.cause.response
  // @ts-expect-error: a damaged marker is a string.
  if (error.code === 'marker_damaged') error.cause.response
}

describe('The types', () => {
  test('reject wrong options, arguments and error codes', () => {
    expectTypeOf(misuseOptions).toBeFunction()
    expectTypeOf(misuseMethods).toBeFunction()
    expectTypeOf(misuseErrors).toBeFunction()
  })

  test('distinguish a verdict from a pending report', () => {
    expectTypeOf<Lapse['absent']>().returns.resolves.toEqualTypeOf<Verdict | Pending | null>()
    expectTypeOf<Outcome>().toEqualTypeOf<Verdict | Pending | null>()
    expectTypeOf<Extract<Verdict | Pending, { pending: true }>>().toEqualTypeOf<Pending>()
  })

  test('narrow the cause of an error by its code', () => {
    type CauseOf<Code extends LapseClientErrorCode> = Extract<LapseClientError, { code: Code }>['cause']
    expectTypeOf<CauseOf<'marker_damaged'>>().toEqualTypeOf<string>()
    expectTypeOf<CauseOf<'report_evicted'>>().toEqualTypeOf<EndReport | undefined>()
    expectTypeOf<CauseOf<'report_refused'>>().toEqualTypeOf<Delivery>()
    expectTypeOf<NonNullable<LapseOptions['onError']>>().parameter(0).toEqualTypeOf<LapseClientError>()
  })
})
