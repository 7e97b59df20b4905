// Changes packages before pnpm resolves their dependencies.
export const hooks = {
  readPackage(manifest) {
    // The tests bundle Astro's router for browsers, which imports no other package. Astro's almost 200 dependencies are for
    // building sites.
    if (manifest.name === 'astro') {
      manifest.dependencies = {}
      manifest.optionalDependencies = {}
    }
    return manifest
  },
}
