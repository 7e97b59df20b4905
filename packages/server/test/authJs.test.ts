import { testFramework } from './frameworks/testFramework.ts'

testFramework('Auth.js with sessions in tokens', { app: 'authJs', environment: { STRATEGY: 'jwt' } })
testFramework('Auth.js with sessions in a database', { app: 'authJs', environment: { STRATEGY: 'database' } })
