/**
 * Returns when the server sent the page, in epoch milliseconds.
 *
 * @returns 0 if the page came from the browser's cache, so that it may be outdated.
 */
export function findLoadTime(): number {
  // TypeScript does not derive the type of an entry from its name.
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  // A cached page has a body that was not transferred. WebKit shows no body, but gives the start of the first request,
  // which is negative. A page from the cache of a service worker counts as fresh in Firefox and WebKit: they show neither.
  const isFromCache =
    navigation?.transferSize === 0 && (navigation.decodedBodySize || navigation.requestStart < 0)
  return isFromCache ? 0 : performance.timeOrigin
}
