import { describe, expectTypeOf, test } from 'vitest'
import { createLapse, type Lapse, type Pending, type Verdict } from '../src/index.ts'

/** Never called: the compiler is the test. */
function misuse(lapse: Lapse) {
  // @ts-expect-error: without a collector there is nobody to tell.
  createLapse({ site: 'acme' })
  // @ts-expect-error: the limit is in seconds, as a number.
  createLapse({ site: 'acme', collector: '', idleTimeoutSeconds: '30m' })
  // @ts-expect-error: there is no such access.
  createLapse({ site: 'acme', collector: '', touchOn: ['scroll'] })
  // @ts-expect-error: there is no such attribute.
  createLapse({ site: 'acme', collector: '', cookie: { secure: true } })
  // @ts-expect-error: a subject is an opaque id.
  lapse.active({ subject: 42 })
  // @ts-expect-error: a name is nobody's business.
  lapse.active({ name: 'Ann' })
  // @ts-expect-error: a session is looked for in one way.
  lapse.absent({ session: { cookie: 'sid', probe: '/me' } })
  // @ts-expect-error: nothing to look for.
  lapse.absent({ session: {} })
  // @ts-expect-error: a function must give an answer.
  lapse.absent({ session: () => 'yes' })
  // @ts-expect-error: the verdict says why; this is no reason.
  lapse.absent().then((lapsed) => lapsed?.pending || lapsed?.reason === 'timeout')
  // @ts-expect-error: while it is pending, nobody knows why.
  lapse.absent().then((lapsed) => lapsed && (lapsed.pending ? lapsed.reason : ''))
}

describe('the types', () => {
  test('make wrong use a compile error', () => {
    expectTypeOf(misuse).toBeFunction()
  })

  test('tell a verdict from one that is pending', () => {
    expectTypeOf<Lapse['absent']>().returns.resolves.toEqualTypeOf<Verdict | Pending | null>()
    expectTypeOf<Extract<Verdict | Pending, { pending: true }>>().toEqualTypeOf<Pending>()
  })
})
