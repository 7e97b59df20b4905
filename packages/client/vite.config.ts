import { defineConfig } from 'vite'
import manifest from './package.json' with { type: 'json' }

// Two builds, because js-cookie is part of the script for a tag and a dependency of the module for bundlers.
export default defineConfig(({ mode }) => {
  const isTag = mode === 'tag'
  return {
    logLevel: 'warn',
    define: {
      CLIENT_VERSION: JSON.stringify(manifest.version),
      // A tag is always on a page, so js-cookie's checks for a server can go.
      ...(isTag && { 'typeof document': '"object"' }),
    },
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
 * Properties that never leave the script: methods of the client, and of js-cookie. The minifier shortens their names,
 * which saves about 100 bytes. A test checks that browsers have no property of such a name.
 */
export const internalProperties: readonly string[] = [
  ...['addReport', 'flushReports', 'sendNewReport'],
  ...['readMarker', 'readMarkerText', 'removeMarker', 'wasBrowserClosed', 'writeMarker'],
  ...['recordActivity', 'saveActivity'],
  ...['converter', 'withAttributes', 'withConverter'],
]

const minify = {
  compress: true,
  mangle: true,
  codegen: true,
  mangleProps: { include: new RegExp(`^(${internalProperties.join('|')})$`) },
}
