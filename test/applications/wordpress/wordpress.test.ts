import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Actions, createCommonScenarios, type Scenario, testScenarios } from '../scenarios.ts'
import { renderSubmit, type Visitor } from '../visitor.ts'
import { password, startWordPress, type WordPress } from './wordpress.ts'

const timeoutSeconds = 6

const actions: Actions = {
  async signIn(visitor) {
    await visitor.open('/wp-login.php')
    await visitor.submit({ user_login: visitor.user, user_pass: password }, '#wp-submit')
    await visitor.waitForMarker()
  },
  leave: (visitor) => visitor.open('/readme.html'),
  // WordPress counts in whole seconds, and only a later second is too late.
  waitUntilExpired: () => sleep((timeoutSeconds + 2) * 1000),
  comeBack: (visitor) => visitor.open('/wp-admin/'),
  // The first heartbeat is sent after a minute.
  suspend: async () => {},
  async signOut(visitor) {
    await visitor.follow('#wp-admin-bar-logout a')
    // Without a session, WordPress asks for a confirmation.
    if (await visitor.tab.evaluate(`location.search.includes('action=logout')`)) await visitor.follow('a')
  },
  async poll(visitor) {
    await visitor.tab.evaluate('wp.heartbeat.connectNow()')
    await visitor.waitFor(`${loginFrame}?.contentDocument.querySelector('#wp-submit')`)
  },
}

const loginFrame = `document.querySelector('#wp-auth-check-frame')`

async function timeOut(visitor: Visitor): Promise<void> {
  await actions.signIn(visitor)
  await actions.waitUntilExpired()
  await actions.poll(visitor)
}

async function timeOutAndSignInAgain(visitor: Visitor): Promise<void> {
  await timeOut(visitor)
  const { tab, user, waitFor } = visitor
  const fields = { user_login: user, user_pass: password }
  await tab.evaluate(renderSubmit(fields, '#wp-submit', `${loginFrame}.contentDocument`))
  await waitFor(`!${loginFrame}`)
}

const interimLogins: Scenario[] = [
  {
    title: 'signs in again in the frame, and is idle again',
    reasons: ['idle_timeout', 'idle_timeout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await actions.waitUntilExpired()
      await actions.poll(visitor)
    },
  },
  {
    title: 'signs in again in the frame, leaves the page, and comes back later',
    reasons: ['idle_timeout', 'idle_timeout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await actions.leave(visitor)
      await actions.waitUntilExpired()
      await actions.comeBack(visitor)
    },
  },
  {
    title: 'signs in again in the frame, and signs out in time',
    reasons: ['idle_timeout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await actions.signOut(visitor)
    },
  },
]

describe('In WordPress with an idle timeout:', () => {
  let wordPress: WordPress
  beforeAll(async () => {
    const limits = { idleTimeoutSeconds: timeoutSeconds }
    wordPress = await startWordPress(limits, limits)
  })
  afterAll(() => wordPress.end())

  testScenarios([...createCommonScenarios(actions), ...interimLogins], () => wordPress, { concurrent: false })
})

describe('In WordPress, whose sessions end at a fixed time after the sign-in:', () => {
  let wordPress: WordPress
  beforeAll(async () => {
    // The collector needs an idle timeout. One that is longer than the session never passes first.
    const limits = { idleTimeoutSeconds: 3600, absoluteTimeoutSeconds: timeoutSeconds }
    wordPress = await startWordPress(limits, { lifetimeSeconds: timeoutSeconds })
  })
  afterAll(() => wordPress.end())

  const scenarios: Scenario[] = [
    {
      title: 'uses the session until it ends',
      reasons: ['absolute_timeout'],
      async run(visitor) {
        await actions.signIn(visitor)
        for (const _page of [1, 2, 3]) {
          await visitor.open('/wp-admin/profile.php')
          await sleep((timeoutSeconds * 1000) / 6)
        }
        await sleep((timeoutSeconds * 1000) / 2 + 2000)
        await actions.comeBack(visitor)
      },
    },
    {
      title: 'has a page open that polls after the session has ended and gets 200',
      reasons: ['absolute_timeout'],
      run: timeOut,
    },
  ]
  testScenarios(scenarios, () => wordPress, { concurrent: false })
})
