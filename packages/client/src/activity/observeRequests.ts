import { attempt } from '../shared/attempt.ts'

/**
 * Calls `onActivity` for each successful same-origin `fetch` and XMLHttpRequest, until the signal is aborted.
 *
 * @param onActivity receives `true` if the browser does not tell whether the request succeeded
 * @param reportsUrl requests to this URL are the client's own and do not count
 * @param pattern which URLs count (default: all)
 */
export function observeRequests(
  onActivity: (isGuess: boolean) => void,
  signal: AbortSignal,
  reportsUrl: string,
  pattern: RegExp | string = '',
) {
  const observer = new PerformanceObserver((list) => {
    // A faulty pattern must not throw into the page.
    attempt(() => {
      // The observer asks for entries of this type only.
      for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
        if (isSuccessfulRequest(entry) && !entry.name.includes(reportsUrl) && entry.name.match(pattern)) {
          // Safari hides the status. After a redirect, the status belongs to another page, such as the login page.
          onActivity(!entry.responseStatus || entry.redirectStart > 0)
        }
      }
    })
  })
  observer.observe({ type: 'resource' })
  signal.onabort = () => observer.disconnect()
}

/** Whether a resource is a same-origin request of a script that the server answered without an error. */
function isSuccessfulRequest(entry: PerformanceResourceTiming): boolean {
  return (
    /^(fetch|xml)/.test(entry.initiatorType) &&
    entry.name.startsWith(`${location.origin}/`) &&
    // Nothing was transferred: the response came from the cache, or there was none.
    entry.transferSize !== 0 &&
    !(entry.responseStatus > 399)
  )
}
