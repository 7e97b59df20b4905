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

  /** Returns the value of the cookie, or an empty string. */
  const readMarkerText = () => cookies.get(name) ?? ''

  const removeMarker = () => cookies.remove(name)

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
    if (text.length < maxCookieLength) cookies.set(name, text, { expires })
    // The browser does not say whether it has stored a cookie, so read it back.
    if (readMarkerText() === text) cookies.set(openName, '1')
    else emitError('marker_refused', text)
  }

  /** Returns whether the browser was closed after the marker was written. */
  const wasBrowserClosed = () => !cookies.get(openName)

  return { readMarkerText, readMarker, writeMarker, removeMarker, wasBrowserClosed }
}
