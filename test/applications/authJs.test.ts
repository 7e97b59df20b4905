import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startAuthJs } from './node/authJs.ts'
import { addCommonTests, testApplication } from './node/scenarios.ts'

testApplication('Auth.js', startAuthJs, { auth: { idleTimeoutSeconds: 3 } }, (context) => {
  addCommonTests(context, 'auth')

  test('one idle_timeout while a page polls, although Auth.js answers 200 with `null`', async () => {
    const user = await context.openBrowser('auth')
    const { id, at } = await user.signIn()
    await user.waitUntilExpired()
    // WebKit keeps a cookie until the second of its expiry has passed.
    await sleep(1000)
    const poll = "fetch('/auth/session').then((response) => response.json())"
    expect(await user.tab.evaluate(poll)).toBeNull()
    await user.tab.evaluate(`void setInterval(() => ${poll}, 200)`)
    await user.expectNoRow()
    expect((await user.readMarker())?.at).toBeLessThan(at + 1500)
    await user.open('/')
    expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
  })
})
