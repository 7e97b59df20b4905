import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe } from 'vitest'
import { type Actions, createCommonScenarios, type Scenario, testScenarios } from '../scenarios.ts'
import { password, type Roundcube, startRoundcube } from './roundcube.ts'

/** The shortest lifetime that Roundcube accepts. */
const lifetimeMinutes = 2
/** Roundcube renews the session's cookie when a request falls into another slot of time than the last one. */
const slotSeconds = (lifetimeMinutes * 60) / 2
/** The session ends with the slot after the next one: at the earliest after two slots, at the latest after three. */
const shortestSeconds = 2 * slotSeconds
const longestSeconds = 3 * slotSeconds

const actions: Actions = {
  async signIn(visitor) {
    await visitor.open('/')
    await visitor.submit({ rcmloginuser: visitor.user, rcmloginpwd: password }, '#rcmloginsubmit')
    await visitor.waitForMarker()
  },
  leave: (visitor) => visitor.open('/skins/elastic/meta.json'),
  waitUntilExpired: () => sleep((longestSeconds + 2) * 1000),
  comeBack: (visitor) => visitor.open('/?_task=mail'),
  // Each request starts the timers again, also those that the page has sent before.
  suspend: ({ tab }) =>
    tab.evaluate(`['_keepalive', '_refresh'].forEach((timer) => clearInterval(rcmail[timer])),
      rcmail.start_keepalive = rcmail.start_refresh = () => {}`),
  signOut: (visitor) => visitor.follow('a.logout'),
  async poll(visitor) {
    await visitor.tab.evaluate('rcmail.keep_alive()')
    await visitor.waitFor(`document.querySelector('#rcmloginuser')`)
  },
}

/** Waits until 15 seconds before the end of a slot, so that the session ends almost as early as it can. */
function waitForEndOfSlot(): Promise<unknown> {
  const slotMs = slotSeconds * 1000
  const leftMs = slotMs - (Date.now() % slotMs) - 15_000
  return sleep(leftMs < 0 ? leftMs + slotMs : leftMs)
}

const waitUntilExpiredEarly = () => sleep((shortestSeconds + 20) * 1000)

const scenarios: Scenario[] = [
  {
    title: 'comes back before the longest possible idle time, but too late for the server',
    reasons: ['idle_timeout'],
    async run(visitor) {
      await actions.signIn(visitor)
      await waitForEndOfSlot()
      await actions.comeBack(visitor)
      await actions.leave(visitor)
      await waitUntilExpiredEarly()
      await actions.comeBack(visitor)
    },
  },
  {
    title: 'has a page open that polls before the longest possible idle time, but too late for the server',
    reasons: ['idle_timeout'],
    async run(visitor) {
      await actions.signIn(visitor)
      await waitForEndOfSlot()
      await actions.comeBack(visitor)
      await actions.suspend(visitor)
      await waitUntilExpiredEarly()
      await actions.poll(visitor)
    },
  },
  {
    title: 'has a page open whose polls keep the session alive',
    reasons: [],
    async run(visitor) {
      await actions.signIn(visitor)
      await actions.waitUntilExpired()
      await actions.comeBack(visitor)
      await visitor.waitFor('rcmail.env.task === "mail"')
    },
  },
]

describe('In Roundcube', () => {
  let roundcube: Roundcube
  beforeAll(async () => {
    const settings = { idleTimeoutSeconds: longestSeconds, refreshSeconds: longestSeconds - shortestSeconds }
    roundcube = await startRoundcube(settings, lifetimeMinutes)
  })
  afterAll(() => roundcube.end())

  testScenarios([...createCommonScenarios(actions), ...scenarios], () => roundcube, {
    concurrent: true,
    timeoutMs: 400_000,
  })
})
