import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the dashboard also runs under a path of a proxy.
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2023',
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    assetsDir: 'dashboard',
    modulePreload: { polyfill: false },
  },
})
