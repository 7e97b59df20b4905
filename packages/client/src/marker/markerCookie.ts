import type { EmitError } from '../shared/emitError.ts'
import { maxCookieLength } from '../shared/limits.ts'
import type { CookieOptions } from '../types/options.ts'
import { listCookies } from './listCookies.ts'
import { formatMarker, type Marker, parseMarker } from './marker.ts'
import { setCookie } from './setCookie.ts'

export type MarkerCookie = ReturnType<typeof createMarkerCookie>

/**
 * Creates the access to the marker cookie, and to a session cookie next to it, which is gone if the browser was closed.
 *
 * @param maxAge how long the browser keeps the marker, in seconds
 */
export function createMarkerCookie(
  name: string,
  maxAge: number,
  attributes: Omit<CookieOptions, 'name' | 'days'>,
  emitError: EmitError,
) {
  const openName = `${name}-open`
  const defaults = { sameSite: 'lax', path: '/', secure: location.protocol === 'https:', ...attributes }

  /** Sets the marker cookie, or removes it if the text is empty. */
  function writeText(text: string, scope?: { domain: string; path: string }) {
    setCookie(name, text, { ...defaults, ...scope, 'max-age': text ? maxAge : -1 })
  }

  function removeMarker() {
    writeText('')
    // Cookies of the same name may have another domain or path. The empty domain stands for the host alone.
    const { hostname, pathname } = location
    for (let start = 0; listCookies(name)[0] && start <= hostname.length; start++) {
      for (let end = 1; end <= pathname.length; end++) {
        writeText('', { domain: hostname.slice(start), path: pathname.slice(0, end) })
      }
    }
  }

  /** Returns the value of the cookie, or an empty string. */
  function readMarkerText(): string {
    const cookies = listCookies(name)
    const [text = '', another] = cookies
    if (!another) return text
    // This removes only the cookie with the current domain and path, which is the marker.
    writeText('')
    const others = listCookies(name)
    const own = cookies.find((value, index) => value !== others[index]) ?? text
    removeMarker()
    writeText(own)
    return own
  }

  /** Returns the marker, if there is one. Removes a marker that is damaged. */
  function readMarker(): Marker | undefined {
    const text = readMarkerText()
    const marker = parseMarker(text)
    if (text && !marker) {
      removeMarker()
      emitError('marker_damaged', text)
    }
    return marker
  }

  /** Writes the marker, and reports it if the browser refuses the cookie. */
  function writeMarker(marker: Marker) {
    const text = formatMarker(marker)
    if (text.length < maxCookieLength) writeText(text)
    // The browser does not say whether it has stored a cookie, so read it back.
    if (readMarkerText() === text) setCookie(openName, '1', defaults)
    else emitError('marker_refused', text)
  }

  /** Returns whether the browser was closed after the marker was written. */
  const wasBrowserClosed = () => !listCookies(openName)[0]

  return { readMarkerText, readMarker, writeMarker, removeMarker, wasBrowserClosed }
}
