import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    name: 'applications',
    globalSetup: '../servers.ts',
    // Roundcube's shortest idle timeout takes three minutes, and its tests run at the same time.
    testTimeout: 600_000,
    hookTimeout: 120_000,
    maxConcurrency: 30,
  },
})
