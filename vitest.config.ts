import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'client', include: ['packages/client/test/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'product',
          include: ['{packages/collector,examples/*}/test/**/*.test.ts', 'test/**/*.test.ts'],
          globalSetup: 'test/servers.ts',
        },
      },
    ],
  },
})
