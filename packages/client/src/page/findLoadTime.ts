/**
 * Returns when the server sent the page, in epoch milliseconds.
 *
 * @returns 0 if the page came from the browser's cache, so that it may be outdated.
 */
export function findLoadTime(): number {
  // TypeScript does not derive the type of an entry from its name.
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  // Browsers tell a page from the cache in different ways: WebKit gives the start of the first request, which is
  // negative, and Firefox may round it to 0. If another origin redirected to the page, WebKit hides everything.
  const isFromCache =
    navigation?.transferSize === 0 && (navigation.requestStart || navigation.decodedBodySize)
  return isFromCache ? 0 : performance.timeOrigin
}
