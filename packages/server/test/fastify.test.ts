import { testFramework } from './frameworks/testFramework.ts'
import { testGuide } from './guide.ts'

testGuide('fastify', ['fastify', 'fastifySecure'])
testFramework('@fastify/session', { app: 'fastify' })
testFramework('@fastify/secure-session', { app: 'fastifySecure' }, { cannotRevoke: true })
