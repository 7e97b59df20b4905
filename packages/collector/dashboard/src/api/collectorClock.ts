/** The `Date` header has whole seconds and is sent before the response arrives, so smaller differences mean nothing. */
const minOffsetMs = 3000

let offsetMs = 0

/** Compares the browser's clock with the `Date` header of a response. */
export function compareClocks(response: Response): void {
  const differenceMs = Date.parse(response.headers.get('Date') ?? '') - Date.now()
  if (Number.isNaN(differenceMs)) return
  offsetMs = Math.abs(differenceMs) < minOffsetMs ? 0 : differenceMs
}

/** Returns the collector's current time in epoch milliseconds, even if the browser's clock is wrong. */
export const readCollectorTime = () => Date.now() + offsetMs
