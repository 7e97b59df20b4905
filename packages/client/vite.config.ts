import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }

// Two builds, because js-cookie is part of the script for a tag and a dependency of the module for bundlers.
export default defineConfig(({ mode }) => {
  const tag = mode === 'tag'
  return {
    logLevel: 'warn',
    define: {
      CLIENT_VERSION: JSON.stringify(manifest.version),
      // A tag is always on a page; only a module may be imported on a server.
      ...(tag && { 'typeof document': '"object"' }),
    },
    build: {
      target: 'es2022',
      // The collector serves the script alone: no comment that sends browsers for the map.
      sourcemap: tag ? 'hidden' : true,
      emptyOutDir: !tag,
      minify: tag && 'oxc',
      lib: tag
        ? { entry: 'src/tag.ts', name: 'Lapse', formats: ['iife'], fileName: () => 'lapse.js' }
        : { entry: 'src/index.ts', formats: ['es'], fileName: () => 'index.js' },
      rolldownOptions: {
        external: tag ? [] : ['js-cookie'],
        output: { generatedCode: { symbols: false } },
      },
    },
  }
})
