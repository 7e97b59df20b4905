import { type Fault, validate } from '../domain/validation/validate.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { createSiteSchema } from './siteSchema.ts'

const siteName = /^[\w-]{1,64}$/

/** Assigning to this property would replace the prototype of the object. Zod omits it from every record. */
const forbiddenSiteName = '__proto__'

/**
 * Finds invalid names in `sites`. This is separate from the schema of the sites, so that errors inside a site with an
 * invalid name are reported too.
 */
export function findSiteNameFaults(config: unknown, context: ConfigSchemaContext): Fault[] {
  if (typeof config !== 'object' || config === null || !('sites' in config)) return []
  const { sites } = config
  if (typeof sites !== 'object' || sites === null || Array.isArray(sites)) return []
  return Object.entries(sites).flatMap(([name, site]) => {
    const path = ['sites', name]
    if (name !== forbiddenSiteName)
      return siteName.test(name)
        ? []
        : { path, detail: 'must be a site name: 1 to 64 letters, digits, hyphens and underscores' }
    const result = validate(createSiteSchema(context), site)
    const faults = result.success ? [] : result.faults
    return [
      { path, detail: 'is reserved; choose another site name' },
      ...faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] })),
    ]
  })
}
