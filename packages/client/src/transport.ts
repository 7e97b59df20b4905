/** Posts JSON, and gives the response with what it says, if that is JSON. */
export async function post(url: string, body: string, keepalive: boolean): Promise<[Response, unknown]> {
  // A string goes as text/plain, which needs no preflight.
  const response = await fetch(url, { method: 'POST', body, credentials: 'omit', keepalive })
  // Read to its end whatever it is: an unread reply pins Chromium's keepalive quota for as long as the page lives.
  return [response, await response.json().catch(() => undefined)]
}
