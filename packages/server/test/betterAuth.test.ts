import { testFramework } from './frameworks/testFramework.ts'

// better-auth extends the session lazily: here, at most every fifth of a second.
testFramework('better-auth', { app: 'betterAuth' }, { refreshMs: 200 })
