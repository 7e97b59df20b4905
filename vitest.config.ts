import { defineConfig } from 'vitest/config'

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
          exclude: ['test/applications/**', 'packages/collector/test/soak/**'],
          globalSetup: 'test/servers.ts',
          // Tests that run concurrently mostly wait.
          maxConcurrency: 6,
        },
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
