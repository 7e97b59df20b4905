import { startKoaSession } from './node/koaSession.ts'
import { addCommonTests, addLazyRefreshTests, testApplication } from './node/scenarios.ts'

const sites = {
  renewing: { idleTimeoutSeconds: 6, refreshSeconds: 3 },
  undeclared: { idleTimeoutSeconds: 6 },
}

testApplication('koa-session', startKoaSession, sites, (context) => {
  addCommonTests(context, 'renewing')
  addLazyRefreshTests(context, { declared: 'renewing', undeclared: 'undeclared' })
})
