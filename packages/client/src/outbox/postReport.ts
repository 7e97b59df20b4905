import type { Delivery } from '../types/errors.ts'
import type { StoredReport } from './reportStorage.ts'

/** Posts a report to the collector. */
export function postReport(url: string, report: StoredReport): Promise<Delivery> {
  const body = JSON.stringify({ ...report, sentAt: Date.now() })
  return (
    post(url, body, true)
      // The page may have used up the 64 KiB that a browser grants to keepalive requests.
      .catch(() => post(url, body, false))
      .catch((error) => ({ error }))
  )
}

async function post(url: string, body: string, keepalive: boolean): Promise<Delivery> {
  // A string is sent as text/plain, which needs no preflight.
  const response = await fetch(url, { method: 'POST', body, credentials: 'omit', keepalive })
  // Always read the response to its end: in Chromium an unread one keeps its part of the keepalive quota.
  return { response, body: await response.json().catch(() => undefined) }
}
