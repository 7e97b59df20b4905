import type { ForwardTarget } from '../forward/createSender.ts'
import type { SessionEndFilter } from '../reading/filter.ts'
import type { CheckedDestination } from './forwardSchema.ts'
import type { ConfiguredSecret } from './secretSchema.ts'

/** A destination with its secrets. */
export interface Destination {
  readonly name: string
  readonly selection: Pick<SessionEndFilter, 'site' | 'search'>
  readonly target: ForwardTarget
}

/** @throws if a secret of a destination cannot be used. */
export function prepareDestination(name: string, settings: CheckedDestination): Destination {
  return {
    name,
    selection: { site: settings.site, search: settings.search },
    target: prepareTarget(name, settings),
  }
}

function prepareTarget(name: string, settings: CheckedDestination): ForwardTarget {
  if (settings.type === 'syslog') return settings
  const read = (setting: string, secret: ConfiguredSecret) => {
    if ('value' in secret) return secret.value
    throw new Error(`The destination "${name}" cannot be used: ${setting}: ${secret.fault}.`)
  }
  const { type, url, secret, authorization } = settings
  return {
    type,
    url: read('url', url),
    secret: secret && read('secret', secret),
    authorization: authorization && read('authorization', authorization),
  }
}
