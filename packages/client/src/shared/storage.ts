import { attempt } from './attempt.ts'

/** Returns the value that is stored as JSON in `localStorage`, or `undefined` if there is none that can be read. */
export function readStoredValue<Value>(key: string): Value | undefined {
  return attempt(() => JSON.parse(localStorage[key]))
}

/**
 * Stores a value as JSON.
 *
 * @throws if `localStorage` is blocked or full.
 */
export function storeValue(key: string, value: object) {
  localStorage[key] = JSON.stringify(value)
}

export function removeStoredValue(key: string) {
  attempt(() => delete localStorage[key])
}
