import { attempt, type Client } from './client.ts'
import { touch } from './touch.ts'

/** Watches for the accesses that the client can see by itself. */
export function watchAccess(client: Client) {
  const { touchOn, requests = '', url, signal } = client
  if (touchOn.includes('interaction')) {
    for (const type of ['pointerdown', 'keydown']) {
      addEventListener(type, () => client.watching && touch(client), { signal })
    }
  }
  if (touchOn.includes('request')) {
    // A faulty filter of the host's must not throw into the page.
    const observer = new PerformanceObserver((list) =>
      attempt(() => {
        for (const entry of list.getEntries() as PerformanceResourceTiming[]) {
          if (
            client.watching &&
            // Images and other static files refresh no session.
            /^(fetch|xml)/.test(entry.initiatorType) &&
            entry.name.startsWith(`${location.origin}/`) &&
            !entry.name.includes(url) &&
            entry.name.match(requests) &&
            // Nothing over the network: an answer out of the cache, or none at all.
            entry.transferSize !== 0 &&
            !(entry.responseStatus > 399)
          ) {
            // Safari hides the status. After a redirect, such as one to the login page, it is another page's.
            touch(client, !entry.responseStatus || entry.redirectStart > 0)
          }
        }
      }),
    )
    observer.observe({ type: 'resource' })
    signal.onabort = () => observer.disconnect()
  }
}
