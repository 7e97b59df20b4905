import { testFramework } from './frameworks/testFramework.ts'

testFramework('@fastify/session', { app: 'fastify' })
testFramework('@fastify/secure-session', { app: 'fastifySecure' }, { cannotRevoke: true })
