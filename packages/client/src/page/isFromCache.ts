/** Returns whether the page came from the browser's cache, so that it may be outdated. */
export function isFromCache(): boolean {
  // TypeScript does not derive the type of an entry from its name.
  const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
  return (
    navigation?.type === 'back_forward' ||
    // If another origin redirected to the page, WebKit hides all its timing, the start of the request included.
    (navigation?.transferSize === 0 && navigation.requestStart > 0)
  )
}
