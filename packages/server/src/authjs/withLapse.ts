import type { LapseServer } from '../lapseServer.ts'
import { createDatabaseHooks } from './databaseStrategy.ts'
import { createJwtHooks } from './jwtStrategy.ts'
import type { AuthOptions, WithLapseOptions } from './options.ts'

/**
 * Returns an Auth.js configuration that reports sessions to Lapse, for any framework: next-auth 5, `@auth/express`,
 * `@auth/sveltekit` and others. The callbacks, events and adapter of `config` are called as before.
 *
 * The session that Auth.js answers with has one more field, `lapse`, for the tag and the client.
 *
 * @example
 * ```ts
 * const auth = withLapse(lapse, { providers: [GitHub], session: { maxAge: 1800 } })
 * ```
 */
export function withLapse<Config extends AuthOptions>(
  lapse: LapseServer,
  config: Config,
  options: WithLapseOptions = {},
): Config {
  const strategy = config.session?.strategy ?? (config.adapter ? 'database' : 'jwt')
  const createHooks = strategy === 'jwt' ? createJwtHooks : createDatabaseHooks
  const hooks = createHooks(lapse, config, () => extended, options)
  const extended: Config = {
    ...config,
    ...hooks,
    callbacks: { ...config.callbacks, ...hooks.callbacks },
    events: { ...config.events, ...hooks.events },
  }
  return extended
}
