import { defineConfig } from 'vitest/config'

/** Tests that need little of the processor: they wait for timeouts, locks, and slow or stopped programs. */
const waitingTests = [
  'demo/test/sessionEnds.test.ts',
  'packages/collector/test/dashboard/dashboardPolling.test.ts',
  'packages/collector/test/forward/outages.test.ts',
  'packages/collector/test/http/{exports,heavyReaders,operations,rateLimit,shutdown,slowReaders}.test.ts',
  'packages/collector/test/live/{idle*,marks,selftestForgery,sweep,sweepers}.test.ts',
  'packages/collector/test/store/{faults,lockedTable}.test.ts',
  'packages/php/test/outages.test.ts',
  'packages/server/test/queueFolderOwners.test.ts',
  'test/proxies.test.ts',
]
const matrixTests = '{packages,test}/**/*.matrix.test.ts'

/** For tests of the product, which use databases and browsers. */
const productOptions = {
  globalSetup: 'test/servers.ts',
  // Tests that run concurrently mostly wait.
  maxConcurrency: 6,
}

export default defineConfig({
  test: {
    // Long timeouts: the tests drive three browsers and three databases, and a slow machine must not fail them.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 15_000 } },
    // Most tests wait: for timeouts, browsers and databases. So two files at a time are faster even on two cores.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: { name: 'client', include: ['packages/client/test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'product',
          include: [
            '{packages/{collector,php,server},examples/*,demo}/test/**/*.test.ts',
            'test/**/*.test.ts',
          ],
          exclude: ['test/applications/**', 'packages/collector/test/soak/**', matrixTests, ...waitingTests],
          ...productOptions,
        },
      },
      {
        extends: true,
        test: {
          name: 'waiting',
          include: waitingTests,
          ...productOptions,
          maxWorkers: 4,
          // After the others.
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'matrix', include: [matrixTests], ...productOptions },
      },
      {
        extends: true,
        test: {
          name: 'applications',
          include: ['test/applications/**/*.test.ts'],
          globalSetup: 'test/servers.ts',
          // Tests that wait for minutes run in parallel, but each has a browser.
          maxConcurrency: 8,
        },
      },
      {
        extends: true,
        test: {
          name: 'soak',
          include: ['packages/collector/test/soak/**/*.test.ts'],
        },
      },
    ],
  },
})
