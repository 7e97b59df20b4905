import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'vite'

const astro = new URL('../../node_modules/astro/', import.meta.url)
const entry = '/client-router.ts'

/**
 * Builds the script of Astro's `ClientRouter` component for browsers, as Astro does when it builds a site. Astro's own build
 * needs far more packages.
 */
export async function buildAstroRouter(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: 'silent',
    plugins: [resolveAstroModules()],
    define: {
      'import.meta.env.DEV': 'false',
      __EXPERIMENTAL_CLIENT_PRERENDER__: 'false',
      __PREFETCH_DISABLED__: 'true',
      __PREFETCH_PREFETCH_ALL__: 'false',
      __PREFETCH_DEFAULT_STRATEGY__: '"hover"',
    },
    build: { write: false, rollupOptions: { input: entry } },
  })
  const [chunk] = 'output' in result ? result.output : []
  if (!chunk) throw new Error("Vite has not built Astro's router.")
  return chunk.code
}

/** Resolves the modules that Astro's own plugins provide. */
function resolveAstroModules(): Plugin {
  const files: Readonly<Record<string, string>> = {
    'astro:transitions/client': 'dist/transitions/router.js',
    'astro/virtual-modules/prefetch.js': 'dist/prefetch/index.js',
  }
  const settings = 'virtual:astro:adapter-config/client'
  return {
    name: 'astro-modules',
    enforce: 'pre',
    resolveId(id) {
      if (id === entry || id === settings) return id
      const file = files[id]
      return file && fileURLToPath(new URL(file, astro))
    },
    async load(id) {
      if (id === settings) return 'export const internalFetchHeaders = {}'
      if (id !== entry) return undefined
      const component = await readFile(new URL('components/ClientRouter.astro', astro), 'utf8')
      return /<script>([\s\S]*)<\/script>/.exec(component)?.[1]
    },
  }
}
