import Cookies from 'js-cookie'
import type { EmitError } from '../shared/emitError.ts'
import { maxCookieLength } from '../shared/limits.ts'
import type { CookieOptions } from '../types/options.ts'
import { formatMarker, type Marker, parseMarker } from './marker.ts'

export type MarkerCookie = ReturnType<typeof createMarkerCookie>

/**
 * Creates the access to the marker cookie, and to a session cookie next to it, which is gone if the browser was closed.
 *
 * @param expires how long the browser keeps the marker, in days
 */
export function createMarkerCookie(
  name: string,
  expires: number,
  attributes: Omit<CookieOptions, 'name' | 'days'>,
  emitError: EmitError,
) {
  const openName = `${name}-open`
  const cookies = Cookies
    // A query string is safe in a cookie. If it were encoded again, servers could not read it.
    .withConverter<string>({ read: (text) => text, write: (text) => text })
    .withAttributes({ sameSite: 'lax', secure: location.protocol === 'https:', ...attributes })

  const setMarkerText = (text: string) => cookies.set(name, text, { expires })

  /** Returns the values of all cookies with the marker's name. */
  const listMarkerTexts = () =>
    document.cookie
      .split('; ')
      .filter((cookie) => cookie.startsWith(`${name}=`))
      .map((cookie) => cookie.slice(name.length + 1))

  /** Removes the marker, and cookies of its name that were set with another domain or path. */
  function removeMarker() {
    cookies.remove(name)
    if (!listMarkerTexts()[0]) return
    const labels = location.hostname.split('.')
    const segments = location.pathname.split('/')
    // Without a label, the domain is empty, which stands for the host alone.
    for (let label = labels.length; label >= 0; label--) {
      for (let count = segments.length; count > 0; count--) {
        for (const end of ['', '/']) {
          const domain = labels.slice(label).join('.')
          const path = segments.slice(0, count).join('/') + end
          cookies.remove(name, { domain, path })
        }
      }
    }
  }

  /** Returns the value of the cookie, or an empty string. */
  function readMarkerText(): string {
    const texts = listMarkerTexts()
    let [text = ''] = texts
    if (texts[1]) {
      // Only the cookie with the current domain and path is removed here.
      cookies.remove(name)
      const others = listMarkerTexts()
      text = texts.find((own) => !others.includes(own)) ?? text
      removeMarker()
      setMarkerText(text)
    }
    return text
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
    if (text.length < maxCookieLength) setMarkerText(text)
    // The browser does not say whether it has stored a cookie, so read it back.
    if (readMarkerText() === text) cookies.set(openName, '1')
    else emitError('marker_refused', text)
  }

  /** Returns whether the browser was closed after the marker was written. */
  const wasBrowserClosed = () => !cookies.get(openName)

  return { readMarkerText, readMarker, writeMarker, removeMarker, wasBrowserClosed }
}
