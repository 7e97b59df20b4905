import { testFramework } from './frameworks/testFramework.ts'
import { testGuide } from './guide.ts'

testGuide('koa')
testFramework('koa-session with a store', { app: 'koa' })
testFramework(
  'koa-session in the cookie',
  { app: 'koa', environment: { COOKIE_SESSIONS: '1' } },
  { cannotRevoke: true },
)
