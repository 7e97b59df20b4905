import { minify as minifyWithSwc } from '@swc/core'
import { defineConfig, type Plugin } from 'vite'
import manifest from './package.json' with { type: 'json' }

// Two builds, because the module for bundlers depends on js-cookie, and the script for a tag has no room for it.
export default defineConfig(({ mode }) => {
  const isTag = mode === 'tag'
  return {
    logLevel: 'warn',
    define: { CLIENT_VERSION: JSON.stringify(manifest.version) },
    resolve: { alias: isTag ? [{ find: './setCookie.ts', replacement: './setCookie.tag.ts' }] : [] },
    plugins: isTag ? [compressWithSwc] : [],
    build: {
      target: 'es2022',
      // 'hidden': the collector serves the script alone, so no comment may send browsers for the map.
      sourcemap: isTag ? 'hidden' : true,
      emptyOutDir: !isTag,
      minify: isTag && 'oxc',
      lib: isTag
        ? { entry: 'src/tag.ts', name: 'Lapse', formats: ['iife'], fileName: () => 'lapse.js' }
        : { entry: 'src/index.ts', formats: ['es'], fileName: () => 'index.js' },
      rolldownOptions: {
        external: isTag ? [] : ['js-cookie'],
        optimization: { inlineConst: isTag && { mode: 'all' } },
        output: { generatedCode: { symbols: false }, minify: isTag && minify },
      },
    },
  }
})

/**
 * Methods that never leave the script. The minifier shortens their names, which saves about 100 bytes. A test checks
 * that browsers have no property of such a name.
 */
export const internalProperties: readonly string[] = [
  ...['addReport', 'flushReports', 'sendNewReport'],
  ...['readMarker', 'readMarkerText', 'removeMarker', 'wasBrowserClosed', 'writeMarker'],
  ...[
    'endActivity',
    'findIdleTimeoutSeconds',
    'isExpired',
    'readActiveMarker',
    'recordActivity',
    'saveActivity',
  ],
  ...['endReports', 'noteActivity', 'reportActivity'],
]

const minify = {
  compress: true,
  mangle: true,
  codegen: true,
  mangleProps: { include: new RegExp(`^(${internalProperties.join('|')})$`) },
}

/** Runs a second minifier before Vite's own, which saves about 80 bytes more. */
const compressWithSwc: Plugin = {
  name: 'compress-with-swc',
  async renderChunk(code) {
    return minifyWithSwc(code, {
      compress: {
        passes: 4,
        ecma: 2022,
        unsafe: true,
        unsafe_arrows: true,
        pure_getters: true,
        // Vite's minifier does these better.
        booleans: false,
        conditionals: false,
      },
      mangle: false,
      module: false,
      sourceMap: true,
    })
  },
}
