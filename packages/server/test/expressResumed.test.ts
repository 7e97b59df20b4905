import { setTimeout as sleep } from 'node:timers/promises'
import { lapseExpress } from '@lapse/server/express'
import cookieSession from 'cookie-session'
import type { Express, Request } from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  addRoutes,
  createSessionMiddleware,
  createUser,
  type ReportingSite,
  type RunningApp,
  runApp,
  startReportingSite,
  Visitor,
} from './support/expressApp.ts'

let site: ReportingSite
beforeAll(async () => {
  site = await startReportingSite()
})
afterAll(() => site.collector.end())

/** Opens a page after a logout, by more than the grace of the site `quick`. */
async function expectSessionInUse(app: RunningApp, visitor: Visitor, user: string): Promise<void> {
  await sleep(500)
  expect(await visitor.read('/')).toContain(`data-subject="${user}"`)
  expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
  expect(await app.readLiveSessions(user)).toHaveLength(1)
}

/** Signs out as cookie-session documents it. The type is that of express-session. */
function addUnset(app: Express): void {
  app.get('/unset', (request: Request, response) => {
    Object.assign(request, { session: null })
    response.end()
  })
}

test('A session that a slower request saves again after the logout is live again as soon as it is used', async () => {
  const user = createUser()
  const app = await runApp(
    site,
    (express, lapse) => {
      express.use(createSessionMiddleware({ resave: true }), lapseExpress(lapse))
      addRoutes(express)
      express.get('/slow', async (_request, response) => {
        await sleep(300)
        response.end()
      })
    },
    'quick',
  )
  const visitor = new Visitor(app)
  await visitor.signIn(user)
  const slow = visitor.fetch('/slow')
  await sleep(100)
  await visitor.fetch('/sign-out')
  await slow
  await expectSessionInUse(app, visitor, user)
})

test('A session that stays in the store because of `unset: "keep"` is live again as soon as it is used', async () => {
  const user = createUser()
  const app = await runApp(
    site,
    (express, lapse) => {
      express.use(createSessionMiddleware({ unset: 'keep' }), lapseExpress(lapse))
      addRoutes(express)
      addUnset(express)
    },
    'quick',
  )
  const visitor = new Visitor(app)
  await visitor.signIn(user)
  await visitor.fetch('/unset')
  await expectSessionInUse(app, visitor, user)
})

test('With `unset: "destroy"`, the session is gone', async () => {
  const user = createUser()
  const app = await runApp(site, (express, lapse) => {
    express.use(createSessionMiddleware({ unset: 'destroy' }), lapseExpress(lapse))
    addRoutes(express)
    addUnset(express)
  })
  const visitor = new Visitor(app)
  await visitor.signIn(user)
  await visitor.fetch('/unset')
  expect(await visitor.read('/')).toContain('data-state="absent"')
  expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
})

test('A copy of a cookie of cookie-session that is used after the logout is a live session again', async () => {
  const user = createUser()
  const app = await runApp(
    site,
    (express, lapse) => {
      express.use(cookieSession({ secret: 'a secret of the tests' }), lapseExpress(lapse))
      addUnset(express)
      express.get('/sign-in/:user', (request, response) => {
        request.lapse.signIn(request.params.user)
        response.end()
      })
      express.get('/', (request, response) => void response.send(request.lapse.tag))
    },
    'quick',
  )
  const visitor = new Visitor(app)
  await visitor.signIn(user)
  const copy = visitor.copy()
  await visitor.fetch('/unset')
  await expectSessionInUse(app, copy, user)
})
