import type { Delivery } from '../types/errors.ts'

/** Posts a report to the collector, with the time of sending. */
export function postReport(url: string, report: object): Promise<Delivery> {
  // A string is sent as text/plain, which needs no preflight.
  const body = JSON.stringify({ ...report, sentAt: Date.now() })
  const post = (keepalive: boolean) => fetch(url, { method: 'POST', body, credentials: 'omit', keepalive })
  return (
    post(true)
      // The page may have used up the 64 KiB that a browser grants to keepalive requests.
      .catch(() => post(false))
      .then(
        // Always read the response to its end: in Chromium an unread one keeps its part of the keepalive quota.
        async (response) => ({ response, body: await response.json().catch(() => {}) }),
        (error) => ({ error }),
      )
  )
}
