import { expect, test } from 'vitest'
import { startExpressSession } from './node/expressSession.ts'
import { addCommonTests, testApplication } from './node/scenarios.ts'

testApplication('express-session', startExpressSession, { express: { idleTimeoutSeconds: 3 } }, (context) => {
  addCommonTests(context, 'express')

  test.each([
    { answer: 'null', probe: '/api/nullable' },
    { answer: '{}', probe: '/api/empty' },
  ])(
    'one idle_timeout when a probe answers 200 with `$answer`, and no row in time',
    async ({ answer, probe }) => {
      const user = await context.openBrowser('express')
      const { id } = await user.signIn()
      await user.open(`/login?probe=${probe}`)
      await user.expectNoRow()
      expect(await user.readMarker()).toMatchObject({ id })
      await user.waitUntilExpired()
      await user.open(`/login?probe=${probe}`)
      expect(await user.tab.evaluate(`fetch('${probe}').then((response) => response.text())`)).toBe(answer)
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    },
  )
})
