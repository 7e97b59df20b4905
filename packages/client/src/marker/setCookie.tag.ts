import type { CookieAttributes } from './setCookie.ts'

/**
 * Replaces `setCookie.ts` in the script for a tag, because js-cookie would be an eighth of that script.
 *
 * The name loses the characters that would end it, because a tag that the page does not trust may have named the site.
 */
export function setCookie(name: string, value: string, attributes: CookieAttributes) {
  let text = `${name.replace(/[=;]/g, '')}=${value}`
  for (const [key, setting] of Object.entries(attributes)) {
    // Browsers ignore the value of an attribute that is a flag, such as `secure=true`.
    if (setting) text += `; ${key}=${setting}`
  }
  // biome-ignore lint/suspicious/noDocumentCookie: this is what js-cookie does.
  document.cookie = text
}
