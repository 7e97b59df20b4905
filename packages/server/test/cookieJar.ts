/** A client that keeps cookies, even expired ones, unlike a browser. */
export interface CookieJar {
  request(path: string, init?: RequestInit): Promise<Response>
  /** The names of the cookies. */
  readonly cookies: Map<string, string>
}

export function createCookieJar(url: string): CookieJar {
  const cookies = new Map<string, string>()
  return {
    cookies,
    async request(path, init) {
      const Cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const response = await fetch(url + path, { ...init, headers: { ...init?.headers, Cookie } })
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        if (value === '') cookies.delete(name)
        else cookies.set(name, value)
      }
      return response
    },
  }
}
