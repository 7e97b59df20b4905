import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Actions, createCommonScenarios, type Scenario, testScenarios } from '../scenarios.ts'
import { renderSubmit, type Visitor } from '../visitor.ts'
import { type PhpMyAdmin, password, startPhpMyAdmin } from './phpMyAdmin.ts'

const timeoutSeconds = 8

const loginFields = ({ user }: Visitor) => ({ input_username: user, input_password: password })
const dialog = `document.querySelector('#modalOverlay')`

const actions: Actions = {
  async signIn(visitor) {
    await visitor.open('/index.php')
    await visitor.submit(loginFields(visitor), '#input_go')
    await visitor.waitForMarker()
  },
  leave: (visitor) => visitor.open('/robots.txt'),
  // phpMyAdmin counts in whole seconds, and only a later second is too late.
  waitUntilExpired: () => sleep((timeoutSeconds + 2) * 1000),
  comeBack: (visitor) => visitor.open('/index.php'),
  suspend: ({ tab }) => tab.evaluate(`AJAX.fireTeardown('functions.js')`),
  signOut: (visitor) => visitor.follow('#pma_navigation .logout'),
  async poll(visitor) {
    await visitor.tab.evaluate(`AJAX.fireOnload('functions.js')`)
    await waitForDialog(visitor)
  },
}

/** Waits for the dialog. The page's timer may count from the start again, if it is early by a second. */
const waitForDialog = ({ waitFor }: Visitor) => waitFor(dialog, 45_000)

async function timeOutAndSignInAgain(visitor: Visitor): Promise<void> {
  await actions.signIn(visitor)
  await waitForDialog(visitor)
  await visitor.tab.evaluate(renderSubmit(loginFields(visitor), '#modalOverlay #input_go'))
  await visitor.waitFor(`!${dialog}`)
}

const scenarios: Scenario[] = [
  {
    title: 'has a page open whose timer polls all the time',
    reasons: ['idle_timeout'],
    async run(visitor) {
      await actions.signIn(visitor)
      await waitForDialog(visitor)
    },
  },
  {
    title: 'signs in again in the dialog, and is idle again',
    reasons: ['idle_timeout', 'idle_timeout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await waitForDialog(visitor)
    },
  },
  {
    title: 'signs in again in the dialog, leaves the page, and comes back later',
    reasons: ['idle_timeout', 'idle_timeout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await actions.leave(visitor)
      await actions.waitUntilExpired()
      await actions.comeBack(visitor)
    },
  },
  {
    title: 'signs in again in the dialog, and signs out in time',
    reasons: ['idle_timeout', 'logout'],
    async run(visitor) {
      await timeOutAndSignInAgain(visitor)
      await actions.signOut(visitor)
    },
  },
]

describe('In phpMyAdmin', () => {
  let phpMyAdmin: PhpMyAdmin
  beforeAll(async () => {
    phpMyAdmin = await startPhpMyAdmin(timeoutSeconds)
  })
  afterAll(() => phpMyAdmin.end())

  testScenarios([...createCommonScenarios(actions, ['logout']), ...scenarios], () => phpMyAdmin, {
    concurrent: false,
  })
})
