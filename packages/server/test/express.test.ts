import { testFramework } from './frameworks/testFramework.ts'

testFramework('express-session', { app: 'express' })
