/** Requests a URL. Returns the status of the response, or undefined if no server responds. */
export async function readStatus(url: string): Promise<number | undefined> {
  return fetch(url).then(
    ({ status }) => status,
    () => undefined,
  )
}
