const replacements: readonly (readonly [secret: RegExp, replacement: string])[] = [
  // The user and the password of a URL, and its query, which may hold a key. The password of a database may contain
  // what would end it in other URLs.
  [/((?:mysql|mariadb):\/\/)\S*@/gi, '$1'],
  [/\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#]*@/gi, '$1'],
  [/\b(https?:\/\/[^\s?#"'<>]*)\?[^\s"'<>]*/gi, '$1?…'],
  // A token is named by its id.
  [/lapse_([\da-f]{16})_[^\s/?#"'<>]+/gi, 'lapse_$1_…'],
  [/eyJ[\w-]+\.[\w-]*(?:\.[\w-]*)?/g, '(JWT)'],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]+/gi, '$1 …'],
  [/\b((?:set-)?cookie:).*$/gim, '$1 …'],
]

/** Takes passwords, tokens, tickets and cookies out of a text for the log. */
export function redactSecrets(text: string): string {
  return replacements.reduce((redacted, [secret, replacement]) => redacted.replace(secret, replacement), text)
}

const maxDecodings = 8

/**
 * The same for the path of a request, where a secret may be percent-encoded, even several times. A path without a
 * secret stays as it was sent.
 */
export function redactPath(path: string): string {
  // Most paths hold nothing that could be a secret, encoded or not.
  if (/^[\w/.-]*$/.test(path) && !/lapse_|eyJ/i.test(path)) return path
  let decoded = path
  for (let count = 0; count < maxDecodings; count++) {
    const redacted = redactSecrets(decoded)
    if (redacted !== decoded) return redacted
    const next = decodePrintable(decoded)
    if (next === decoded) return path
    decoded = next
  }
  return '(left out: encoded too many times)'
}

/** Decodes printable ASCII only: all that secrets are made of, and nothing that could break the log or be malformed. */
function decodePrintable(text: string): string {
  return text.replace(/%([2-7][\da-f])/gi, (encoded, digits: string) =>
    digits.toLowerCase() === '7f' ? encoded : String.fromCharCode(Number.parseInt(digits, 16)),
  )
}
