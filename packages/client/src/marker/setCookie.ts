import Cookies from 'js-cookie'

/** The attributes of a cookie by their names. A falsy value leaves the attribute out. */
export type CookieAttributes = Readonly<Record<string, string | number | boolean | undefined>>

// A query string is safe in a cookie. If it were encoded again, servers could not read it.
const cookies = Cookies.withConverter<string>({ write: (value) => value })

/** Sets a cookie. The value is written as it is. */
export function setCookie(name: string, value: string, attributes: CookieAttributes) {
  const { 'max-age': maxAge, ...others } = attributes
  // js-cookie takes no numbers.
  cookies.set(name, value, { ...others, ...(maxAge && { 'max-age': `${maxAge}` }) })
}
