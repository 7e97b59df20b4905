const replacements: readonly (readonly [secret: RegExp, replacement: string])[] = [
  // The user name, password and query of a URL. A database password may contain characters that end it in other URLs.
  [/((?:mysql|mariadb):\/\/)\S*@/gi, '$1'],
  [/\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#]*@/gi, '$1'],
  [/\b(https?:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi, '$1?…'],
  // The id stays, so that an operator can tell which token it was.
  [/lapse_([\da-f]{16})_[^\s/?#"'<>]+/gi, 'lapse_$1_…'],
  [/eyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?/g, '(JWT)'],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]+/gi, '$1 …'],
  [/\b((?:set-)?cookie:).*$/gim, '$1 …'],
]

/** Removes passwords, tokens, tickets and cookies from a text for the log. */
export function redactSecrets(text: string): string {
  return replacements.reduce((redacted, [secret, replacement]) => redacted.replace(secret, replacement), text)
}

const maxDecodings = 8

/**
 * Removes secrets from the path of a request, where they may be percent-encoded, even several times. A path without
 * secrets is returned unchanged.
 */
export function redactPath(path: string): string {
  // Most paths cannot contain a secret, encoded or not.
  if (/^[\w/.-]*$/.test(path) && !/lapse_|eyJ/i.test(path)) return path
  let decoded = path
  for (let count = 0; count < maxDecodings; count++) {
    const redacted = redactSecrets(decoded)
    if (redacted !== decoded) return redacted
    const next = decodePrintable(decoded)
    if (next === decoded) return path
    decoded = next
  }
  return '(redacted: encoded too many times)'
}

/** Decodes printable ASCII only. Secrets consist of nothing else, and it cannot break a line of the log. */
function decodePrintable(text: string): string {
  return text.replace(/%([2-7][\da-f])/gi, (encoded, digits: string) =>
    digits.toLowerCase() === '7f' ? encoded : String.fromCharCode(Number.parseInt(digits, 16)),
  )
}
