import { lapseExpress } from '@lapse/server/express'
import type { Express } from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readStoredTime } from '../../../test/databases.ts'
import {
  addRoutes,
  createSessionMiddleware,
  createUser,
  type ReportingSite,
  runApp,
  startReportingSite,
  Visitor,
} from './support/expressApp.ts'

let site: ReportingSite
beforeAll(async () => {
  site = await startReportingSite()
})
afterAll(() => site.collector.end())

/** Stores a JSON value in the session, under the key `lapse`. */
function addStoreRoute(app: Express, value: string): void {
  app.get('/store', (request, response) => {
    Object.assign(request.session, { lapse: JSON.parse(value) })
    response.end()
  })
}

describe('Session data that Lapse has not stored', () => {
  const stored = { subject: 'u_42', session: 'a1f', startedAt: Date.now() }
  test.each([
    { what: 'a string', value: '"u_42"' },
    { what: 'an array', value: '["u_42","a1f",1]' },
    { what: 'a huge string', value: JSON.stringify('x'.repeat(1_000_000)) },
    { what: 'a huge subject', value: JSON.stringify({ ...stored, subject: 'x'.repeat(1_000_000) }) },
    { what: 'control characters', value: JSON.stringify({ ...stored, session: 'a\u0000b' }) },
    { what: 'an array of subjects', value: JSON.stringify({ ...stored, subject: ['u_42'] }) },
    { what: 'a time in seconds', value: JSON.stringify({ ...stored, startedAt: 1_700_000_000 }) },
    { what: 'no time', value: JSON.stringify({ ...stored, startedAt: null }) },
    { what: 'a wrong idle timeout', value: JSON.stringify({ ...stored, idleTimeoutSeconds: '1' }) },
    { what: 'a huge idle timeout', value: JSON.stringify({ ...stored, idleTimeoutSeconds: 1e12 }) },
    { what: 'a prototype', value: `{"__proto__":${JSON.stringify(stored)}}` },
    { what: 'a constructor', value: '{"constructor":{"prototype":{"polluted":true}}}' },
  ])('With $what under the key `lapse`, there is no session and no error', async ({ value }) => {
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addStoreRoute(express, value)
      express.get('/', ({ lapse: { session, tag } }, response) => void response.json({ session, tag }))
    })
    const visitor = new Visitor(app)
    await visitor.fetch('/store')
    const { session, tag } = JSON.parse(await visitor.read('/'))
    expect(session).toBeUndefined()
    expect(tag).toContain('data-state="absent"')
    expect('polluted' in {}).toBe(false)
    expect(app.errors).toEqual([])
    await app.lapse.close()
    expect(app.lapse.health()).toMatchObject({ reported: 0, dropped: 0 })
  })
})

test('The end of a session of a replica whose clock is ahead is dated by the replica that ends it', async () => {
  const user = createUser()
  const value = JSON.stringify({ subject: user, session: 'b2e', startedAt: Date.now() + 20_000 })
  const app = await runApp(site, (express, lapse) => {
    express.use(createSessionMiddleware(), lapseExpress(lapse))
    addRoutes(express)
    addStoreRoute(express, value)
  })
  const visitor = new Visitor(app)
  await visitor.fetch('/store')
  const signedOutAt = Date.now()
  await visitor.fetch('/sign-out')
  const [row] = await app.finish(user)
  expect(row).toMatchObject({ reason: 'logout' })
  expect(readStoredTime(row?.detected_at)).toBeGreaterThanOrEqual(signedOutAt)
})

test('A session from the future is an error, and does not hold up the reports of others', async () => {
  const [user, other] = [createUser(), createUser()]
  const startedAt = Date.now() + 86_400_000
  const value = JSON.stringify({ subject: user, session: 'a1f', startedAt, idleTimeoutSeconds: 60 })
  const app = await runApp(site, (express, lapse) => {
    express.use(createSessionMiddleware(), lapseExpress(lapse))
    addRoutes(express)
    addStoreRoute(express, value)
  })
  await new Visitor(app).fetch('/store')
  const visitor = new Visitor(app)
  await visitor.signIn(other)
  await visitor.fetch('/sign-out')
  expect(await app.finish(other)).toMatchObject([{ reason: 'logout' }])
  expect(app.errors).toMatchObject([{ code: 'invalid_report' }])
  expect(app.errors[0]?.message).toContain('startedAt is in the future')
})
