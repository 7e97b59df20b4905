export const safeUrlRule = 'must be an https URL; http is allowed for this machine only'

/** Returns whether nobody on the network can read or change what is sent to a URL. */
export function isSafeUrl(text: string): boolean {
  const url = URL.parse(text)
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
}
