/**
 * Calls `onActivity` for each `fetch` and XMLHttpRequest that may have refreshed the session, until the signal is
 * aborted.
 *
 * @param collector requests to this URL are the client's own and do not count
 * @param pattern which URLs count (default: all of the page's origin)
 */
export function observeRequests(
  onActivity: () => void,
  signal: AbortSignal,
  collector: string,
  pattern?: RegExp | string,
) {
  // An invalid pattern throws here, not while the user works.
  const countedUrls = pattern && new RegExp(pattern)

  /** Whether a resource is a request of a script that the server has answered without an error. */
  function isSuccessfulRequest(entry: PerformanceResourceTiming): boolean {
    const { name } = entry
    const isSameOrigin = name.startsWith(`${location.origin}/`)
    return (
      /^(fetch|xml)/.test(entry.initiatorType) &&
      !name.startsWith(collector) &&
      // There was no response, or it came from the cache. Other origins hide the size, but no response has the status 0.
      (isSameOrigin ? entry.transferSize : entry.responseStatus) !== 0 &&
      // Safari hides the status.
      !(entry.responseStatus > 399) &&
      (countedUrls ? name.search(countedUrls) >= 0 : isSameOrigin)
    )
  }

  const observer = new PerformanceObserver((list) => {
    // The observer asks for entries of this type only.
    if ((list.getEntries() as PerformanceResourceTiming[]).some(isSuccessfulRequest)) onActivity()
  })
  observer.observe({ type: 'resource' })
  signal.onabort = () => observer.disconnect()
}
