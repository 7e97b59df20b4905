import type { Config } from '../../config/config.ts'
import { toError } from '../../domain/thrownError.ts'
import type { Store } from '../../store/openStore.ts'
import { type CheckResult, fail, pass, warn } from './checkReport.ts'

/** A process that sends rows confirms its position about once a minute. */
const maxSilenceMs = 5 * 60_000

/** Checks whether rows reach the destinations, as far as the processes that send them have noted. */
export async function checkDestinations(
  { forwards }: Pick<Store, 'forwards'>,
  { forward }: Config,
): Promise<CheckResult[]> {
  const names = Object.keys(forward)
  if (names.length === 0) return []
  try {
    const states = new Map((await forwards.list()).map((state) => [state.destination, state]))
    return names.map((name) => {
      const state = states.get(name)
      if (!state) return warn('forward', name, `No rows have been sent yet. ${startHint}`)
      if (state.failingSince)
        return fail(
          'forward',
          name,
          `Sending rows has failed since ${state.failingSince.toISOString()}: ${state.failure}`,
        )
      if (Date.now() - state.updatedAt.getTime() < maxSilenceMs) return pass('forward', name)
      return warn(
        'forward',
        name,
        `No process has sent rows since ${state.updatedAt.toISOString()}. ${startHint}`,
      )
    })
  } catch (error) {
    return [fail('forward', names.join(', '), toError(error).message)]
  }
}

const startHint = 'Start "lapse serve", or "lapse forward" if "forwardInServe" is false.'
