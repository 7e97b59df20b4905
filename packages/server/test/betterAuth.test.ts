import { testFramework } from './frameworks/testFramework.ts'

// better-auth extends the session lazily: here, at most once a second.
testFramework('better-auth', { app: 'betterAuth' }, { refreshMs: 1000 })
