import type { Config } from '../../config/config.ts'

/** @throws if the configuration has no site of this name. */
export function findSite({ sites }: Pick<Config, 'sites'>, name: string): Config['sites'][string] {
  const site = Object.hasOwn(sites, name) ? sites[name] : undefined
  if (site) return site
  throw new Error(`The configuration has no site "${name}". Add it to "sites", or correct --site.`)
}
