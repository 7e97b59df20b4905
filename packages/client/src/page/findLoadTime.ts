/**
 * Returns when the server sent the page, in epoch milliseconds.
 *
 * @returns 0 if the page came from the browser's cache, so that it may be outdated.
 */
export function findLoadTime(): number {
  // TypeScript does not derive the type of an entry from its name.
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  // If another origin redirected to the page, WebKit hides all its timing, the start of the request included.
  const isFromCache = navigation?.transferSize === 0 && navigation.requestStart > 0
  return isFromCache ? 0 : performance.timeOrigin
}
